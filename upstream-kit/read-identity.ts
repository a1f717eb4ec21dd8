import type { IncomingHttpHeaders } from 'node:http';
import {
  decodeIdentityValue,
  encodeIdentityValue,
  IDENTITY_HEADERS,
  IDENTITY_KINDS,
  IDENTITY_VERSION,
  type Identity,
  type IdentityKind,
} from '../contracts/identity-headers.js';

export type IdentityErrorReason = 'missing' | 'version' | 'repeated' | 'malformed';

/** The identity headers cannot be relied on: refuse the request. Names the header, never its value. */
export class IdentityError extends Error {
  override readonly name = 'IdentityError';
  readonly reason: IdentityErrorReason;
  /** Lower case. */
  readonly header: string;

  constructor(reason: IdentityErrorReason, header: string, options?: ErrorOptions) {
    super(`identity header ${header}: ${reason}`, options);
    this.reason = reason;
    this.header = header;
  }
}

type Field = keyof typeof IDENTITY_HEADERS;
type Values = ReadonlyMap<string, string>;

/**
 * The caller as the gateway verified it (identity headers v1, design 4.2). Only on a connection that
 * `requireGateway` has passed: anyone else can write these headers.
 *
 * Takes a request's `rawHeaders` (best: a repeated header is always seen) or its `headers`, in which Node has joined
 * repeated ones with `, `. That never reads as a valid single value; in the two lists an item that ends in a comma
 * before another is therefore taken for a repetition.
 *
 * `scopes` and `roles` are empty when not sent; other fields are absent. `expires` is in unix seconds.
 * Throws {@link IdentityError} when a header is missing, repeated, of another version, or not as the gateway writes it.
 */
export function readIdentity(headers: readonly string[] | IncomingHttpHeaders): Identity {
  const values = isRaw(headers) ? fromRawHeaders(headers) : fromHeaders(headers);
  if (required(values, 'version') !== IDENTITY_VERSION) throw fail('version', 'version');
  const kind = readKind(values);
  const text = {
    ...readText(values, 'subject'),
    ...readText(values, 'issuer'),
    ...readText(values, 'client'),
    ...readText(values, 'session'),
    ...readText(values, 'token'),
  };
  if (kind !== 'anonymous' && text.subject === undefined) throw fail('missing', 'subject');
  if (kind === 'anonymous' && text.subject !== undefined) throw fail('malformed', 'subject');
  const scopes = readList(values, 'scopes');
  const roles = readList(values, 'roles');
  return { kind, ...text, scopes, roles, ...readExpires(values) };
}

const NAMES: ReadonlySet<string> = new Set(Object.values(IDENTITY_HEADERS));

const isRaw = (headers: readonly string[] | IncomingHttpHeaders): headers is readonly string[] =>
  Array.isArray(headers);

const fail = (reason: IdentityErrorReason, field: Field, options?: ErrorOptions): IdentityError =>
  new IdentityError(reason, IDENTITY_HEADERS[field], options);

/** Names and values in turn, as in `IncomingMessage.rawHeaders`. */
function fromRawHeaders(raw: readonly string[]): Values {
  const values = new Map<string, string>();
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index]?.toLowerCase() ?? '';
    if (!NAMES.has(name)) continue;
    if (values.has(name)) throw new IdentityError('repeated', name);
    values.set(name, raw[index + 1] ?? '');
  }
  return values;
}

function fromHeaders(headers: IncomingHttpHeaders): Values {
  const values = new Map<string, string>();
  for (const name of NAMES) {
    const value = headers[name];
    if (value === undefined) continue;
    // Node joins repeated headers with a comma and a space; no single value holds a space but the lists.
    if (typeof value !== 'string' || value.includes(', ')) throw new IdentityError('repeated', name);
    values.set(name, value);
  }
  return values;
}

function required(values: Values, field: Field): string {
  const value = values.get(IDENTITY_HEADERS[field]);
  if (value === undefined) throw fail('missing', field);
  return value;
}

function readKind(values: Values): IdentityKind {
  const value = required(values, 'kind');
  const kind = IDENTITY_KINDS.find((known) => known === value);
  if (kind === undefined) throw fail('malformed', 'kind');
  return kind;
}

/** A missing claim sends no header, so an empty value is none that the gateway wrote. */
function readText<F extends Field>(values: Values, field: F): { [K in F]?: string } {
  const value = values.get(IDENTITY_HEADERS[field]);
  return value === undefined ? {} : ({ [field]: decode(value, field) } as { [K in F]: string });
}

function readList(values: Values, field: 'scopes' | 'roles'): string[] {
  const value = values.get(IDENTITY_HEADERS[field]) ?? '';
  return value === '' ? [] : value.split(' ').map((item) => decode(item, field));
}

function readExpires(values: Values): { expires?: number } {
  const value = values.get(IDENTITY_HEADERS.expires);
  if (value === undefined) return {};
  const expires = /^(0|[1-9][0-9]*)$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(expires)) throw fail('malformed', 'expires');
  return { expires };
}

/**
 * Accepts only the one spelling that the gateway writes. A value that was not encoded at all would otherwise be
 * decoded into somebody else's (`%61lice` into `alice`).
 */
function decode(value: string, field: Field): string {
  let decoded: string;
  try {
    decoded = decodeIdentityValue(value);
  } catch (cause) {
    throw fail('malformed', field, { cause });
  }
  if (decoded === '' || encodeIdentityValue(decoded) !== value) throw fail('malformed', field);
  return decoded;
}
