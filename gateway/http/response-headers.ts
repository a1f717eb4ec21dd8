import { IDENTITY_PREFIX } from '../../contracts/identity-headers.js';

/** Of one connection only (RFC 9110 section 7.6.1). Node frames the response to the client by itself. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'transfer-encoding',
  'upgrade',
]);

/**
 * The upstream's response headers that go on to the client, as the flat list that `writeHead` takes. Names and values
 * come from the wire as latin1 bytes. Identity headers are the gateway's word to upstreams, never the other way.
 */
export function responseHeaders(raw: readonly Buffer[], status: number): string[] {
  const headers: string[] = [];
  let listed: string | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = latin1(raw[i]);
    const lower = name.toLowerCase();
    if (lower === 'connection') listed = `${listed ?? ''},${latin1(raw[i + 1]).toLowerCase()}`;
    if (HOP_BY_HOP.has(lower) || lower.startsWith(IDENTITY_PREFIX) || lower === 'x-request-id') continue;
    // RFC 9110 section 8.6: a 204 has no length.
    if (status === 204 && lower === 'content-length') continue;
    headers.push(name, latin1(raw[i + 1]));
  }
  return listed === undefined ? headers : withoutListed(headers, listed);
}

/** Trailers, under the same rules. */
export function responseTrailers(raw: readonly (Buffer | string)[]): [string, string][] {
  const trailers: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = String(raw[i]);
    if (!name.toLowerCase().startsWith(IDENTITY_PREFIX)) trailers.push([name, String(raw[i + 1])]);
  }
  return trailers;
}

/** `Connection: close` lists no header and is what most upstreams send, if any. */
function withoutListed(headers: string[], listed: string): string[] {
  const names = new Set(listed.split(',').map((name) => name.trim()));
  return headers.filter((_, index) => !names.has((headers[index - (index % 2)] ?? '').toLowerCase()));
}

const latin1 = (bytes: Buffer | undefined): string => bytes?.toString('latin1') ?? '';
