import type { HeaderList } from './header-list.js';

/** All values of a header, in order. `name` in lower case. */
export function headerValues(headers: HeaderList, name: string): readonly string[] {
  let values: string[] | undefined;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i] === name) {
      values ??= [];
      values.push(headers[i + 1] ?? '');
    }
  }
  return values ?? NONE;
}

const NONE: readonly string[] = Object.freeze([]);

/** The values of the cookies of a name, in order; empty ones are none (RFC 6265 section 5.4). Names have a case. */
export function cookieValues(headers: HeaderList, name: string): readonly string[] {
  const lines = headerValues(headers, 'cookie');
  if (lines.length === 0) return lines;
  return lines
    .flatMap((line) => line.split(';'))
    .map((pair) => pair.trim())
    .filter((pair) => cookieName(pair) === name)
    .map((pair) => pair.slice(pair.indexOf('=') + 1).trim())
    .filter((value) => value !== '');
}

/** The name in `name=value`. What has no `=` is a value without a name to servers, and cannot hold a credential. */
export function cookieName(pair: string): string | undefined {
  const equals = pair.indexOf('=');
  return equals === -1 ? undefined : pair.slice(0, equals).trim();
}

/** The headers for whose names `keep` returns true. */
export function filterHeaders(headers: HeaderList, keep: (name: string) => boolean): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (keep(name)) kept.push(name, headers[i + 1] ?? '');
  }
  return kept;
}

/** The lower-case tokens of comma-separated list headers (RFC 9110 section 5.6.1). */
export function listTokens(values: readonly string[]): readonly string[] {
  if (values.length === 0) return values;
  return values
    .flatMap((value) => value.split(','))
    .map((token) => token.trim().toLowerCase())
    .filter((token) => token !== '');
}
