import { IDENTITY_PREFIX } from '../../contracts/identity-headers.js';
import { Problem } from '../../contracts/problem.js';
import { lowerCaseName } from '../pipeline/header-names.js';

/** Of one connection only (RFC 9110 section 7.6.1). Node frames the response to the client by itself. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  // Node refuses to announce trailers where the response to the client has none, such as one with a length.
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * The upstream's response headers that go on to the client, as the flat list that `writeHead` takes. Names and values
 * come from the wire as latin1 bytes. `dropped` are the names that the route keeps back, custom identity headers among
 * them: those are the gateway's word to upstreams, never the other way. Throws `upstream_response_invalid` for a Transfer-Encoding that
 * leaves open where the body ends (RFC 9112 section 6.3), and for a body that lasts as long as its connection where
 * `needsFraming` says so.
 */
export function responseHeaders(
  raw: readonly Buffer[],
  status: number,
  dropped: ReadonlySet<string>,
  needsFraming = false,
): string[] {
  const headers: string[] = [];
  let listed: string | undefined;
  let isChunked = false;
  let isFramed = !needsFraming || status === 204 || status === 304;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = latin1(raw[i]);
    const lower = lowerCaseName(name);
    if (lower === 'connection') {
      const options = latin1(raw[i + 1]).toLowerCase();
      // Of no header. It is what upstreams send, if any.
      if (options !== 'keep-alive' && options !== 'close') listed = `${listed ?? ''},${options}`;
      continue;
    }
    if (lower === 'transfer-encoding') {
      if (isChunked || latin1(raw[i + 1]).toLowerCase() !== 'chunked')
        throw new Problem('upstream_response_invalid', { reason: 'response.transfer_encoding' });
      isChunked = true;
    }
    isFramed ||= isChunked || lower === 'content-length';
    if (HOP_BY_HOP.has(lower) || isKept(lower, dropped)) continue;
    // RFC 9110 section 8.6: a 204 has no length.
    if (status === 204 && lower === 'content-length') continue;
    headers.push(name, latin1(raw[i + 1]));
  }
  if (!isFramed) throw new Problem('upstream_response_invalid', { reason: 'response.close_delimited' });
  return listed === undefined ? headers : withoutListed(headers, listed);
}

/** What a trailer must never say (RFC 9110 section 6.5.1): how the message is framed, or whom a cookie is for. */
const NO_TRAILER = new Set(['content-length', 'trailer', 'set-cookie', 'content-encoding', 'content-type']);

/** Trailers, under the same rules. */
export function responseTrailers(
  raw: readonly (Buffer | string)[],
  dropped: ReadonlySet<string>,
): [string, string][] {
  const trailers: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = latin1(raw[i]);
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || NO_TRAILER.has(lower) || isKept(lower, dropped)) continue;
    trailers.push([name, latin1(raw[i + 1])]);
  }
  return trailers;
}

const isKept = (name: string, dropped: ReadonlySet<string>): boolean =>
  name.startsWith(IDENTITY_PREFIX) || name === 'x-request-id' || dropped.has(name);

function withoutListed(headers: string[], listed: string): string[] {
  const names = new Set(listed.split(',').map((name) => name.trim()));
  return headers.filter((_, index) => !names.has((headers[index - (index % 2)] ?? '').toLowerCase()));
}

const latin1 = (bytes: Buffer | string | undefined): string => bytes?.toString('latin1') ?? '';
