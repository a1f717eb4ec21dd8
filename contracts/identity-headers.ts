/** Identity headers v1 (design 4.2): what the gateway tells an upstream about the caller. */

export const IDENTITY_PREFIX = 'x-identity-';
export const IDENTITY_VERSION = '1';
export const IDENTITY_MAX_BYTES = 8 * 1024;

export const IDENTITY_HEADERS = {
  version: 'x-identity-version',
  kind: 'x-identity-kind',
  subject: 'x-identity-subject',
  issuer: 'x-identity-issuer',
  client: 'x-identity-client',
  session: 'x-identity-session',
  token: 'x-identity-token',
  scopes: 'x-identity-scopes',
  roles: 'x-identity-roles',
  expires: 'x-identity-expires',
  assertion: 'x-identity-assertion',
} as const;

/** A verified client certificate is handed on under this name (RFC 9440); reserved like the identity headers. */
export const CLIENT_CERT_HEADERS = ['client-cert', 'client-cert-chain'] as const;

/** On the copy of a request that a route's `mirror` gets, with the value `1`; reserved like the identity headers. */
export const MIRROR_HEADER = 'x-gatehouse-mirror';

export const IDENTITY_KINDS = ['user', 'service', 'api-key', 'certificate', 'anonymous'] as const;
export type IdentityKind = (typeof IDENTITY_KINDS)[number];

export interface Identity {
  kind: IdentityKind;
  subject?: string;
  issuer?: string;
  client?: string;
  session?: string;
  token?: string;
  scopes: readonly string[];
  roles: readonly string[];
  /** Unix seconds. */
  expires?: number;
}

/** The JWT in `x-identity-assertion`: ES256, `typ` and `iss` as here, `aud` the upstream's name in the gateway's config. */
export const ASSERTION_TYPE = 'gatehouse-identity+jwt';
export const ASSERTION_ISSUER = 'urn:gatehouse:gateway';
export const ASSERTION_LIFETIME_S = 60;

export interface AssertionClaims {
  iss: typeof ASSERTION_ISSUER;
  aud: string;
  /** Unix seconds. */
  iat: number;
  /** Unix seconds: {@link ASSERTION_LIFETIME_S} after `iat`, or the token's own expiry if that is sooner. */
  exp: number;
  /** As in `x-identity-subject`; absent for anonymous callers. */
  sub?: string;
  identity: Identity;
}

const utf8 = new TextEncoder();

/** Percent-encodes every byte outside 0x21–0x7E, and `%`, of the UTF-8 form. */
export function encodeIdentityValue(value: string): string {
  if (/^[\x21-\x24\x26-\x7e]*$/.test(value)) return value;
  let encoded = '';
  for (const byte of utf8.encode(value)) {
    const plain = byte > 0x20 && byte < 0x7f && byte !== 0x25;
    encoded += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

/** Inverse of {@link encodeIdentityValue}. Throws URIError on a value that it could not have written. */
export function decodeIdentityValue(value: string): string {
  if (!/^[\x21-\x7e]*$/.test(value)) throw new URIError('identity value holds a byte that must be encoded');
  return decodeURIComponent(value);
}

/** Each item encoded on its own, joined with one space; empty items are left out. */
export function encodeIdentityList(items: readonly string[]): string {
  return items
    .filter((item) => item !== '')
    .map(encodeIdentityValue)
    .join(' ');
}

export function decodeIdentityList(value: string): string[] {
  return value === '' ? [] : value.split(' ').map(decodeIdentityValue);
}

/** {@link identityHeaderList} as an object. */
export function identityHeaderObject(identity: Identity): Record<string, string> {
  const list = identityHeaderList(identity);
  return Object.fromEntries(
    list.flatMap((name, index) => (index % 2 === 0 ? [[name, list[index + 1] ?? '']] : [])),
  );
}

/** The headers that tell of an identity: names and values in turn, each name once or not at all. */
export function identityHeaderList(identity: Identity): string[] {
  const headers: string[] = [
    IDENTITY_HEADERS.version,
    IDENTITY_VERSION,
    IDENTITY_HEADERS.kind,
    identity.kind,
  ];
  const add = (name: string, value: string | undefined): void => {
    if (value !== undefined && value !== '') headers.push(name, value);
  };
  const addText = (name: string, value: string | undefined): void =>
    add(name, value === undefined ? undefined : encodeIdentityValue(value));
  addText(IDENTITY_HEADERS.subject, identity.subject);
  addText(IDENTITY_HEADERS.issuer, identity.issuer);
  addText(IDENTITY_HEADERS.client, identity.client);
  addText(IDENTITY_HEADERS.session, identity.session);
  addText(IDENTITY_HEADERS.token, identity.token);
  add(IDENTITY_HEADERS.scopes, encodeIdentityList(identity.scopes));
  add(IDENTITY_HEADERS.roles, encodeIdentityList(identity.roles));
  add(IDENTITY_HEADERS.expires, identity.expires === undefined ? undefined : String(identity.expires));
  return headers;
}
