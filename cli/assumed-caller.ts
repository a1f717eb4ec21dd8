import { InvalidArgumentError } from 'commander';
import type { AssumedCaller } from '../contracts/admin-explain.js';

/**
 * `ann:orders:read,orders:write::admin`: the subject up to the first colon, then scopes, and after `::` roles. Both
 * lists have commas, and may be left out. A service is `svc:orders:…`.
 */
export function parseAssumedCaller(text: string): AssumedCaller {
  const [, subject = '', scopes = '', roles = ''] =
    /^((?:svc:)?[^:]+)(?::(?!:)(.*?))?(?:::(.*))?$/s.exec(text) ?? [];
  if (subject === '') throw new InvalidArgumentError('such as ann:orders:read,orders:write::admin');
  return { subject, scopes: list(scopes), roles: list(roles) };
}

const list = (text: string): string[] => text.split(',').filter((item) => item !== '');

/** `name=value`, gathered over the options of a command line. JSON where it is, else text. */
export function gatherClaim(text: string, before: Record<string, unknown> = {}): Record<string, unknown> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('such as tenant=acme');
  return { ...before, [text.slice(0, at)]: jsonOrText(text.slice(at + 1)) };
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** `name: value`, as curl takes it. */
export function gatherHeader(text: string, before: [string, string][] = []): [string, string][] {
  const at = text.indexOf(':');
  if (at < 1) throw new InvalidArgumentError("such as 'Accept: text/html'");
  return [...before, [text.slice(0, at).trim(), text.slice(at + 1).trim()]];
}
