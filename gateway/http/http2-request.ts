import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { watchEndOfStream } from '../../kit/http2-end-of-stream.js';
import type { BodyEvent, BodyListener, ClientRequest } from './client-side.js';

/** The version of HTTP/2 as the pipeline knows it. The HTTP/1 parser makes `2.0` of a request line that claims to be it. */
export const HTTP2_VERSION = '2';

/** What stood at the head of an HTTP/2 request. */
export interface RequestHead {
  method: string;
  scheme: string;
  /** Empty where there is none, as in CONNECT. */
  path: string;
  /** As HTTP/1.1 would have had them: `host` first, one `cookie`, no pseudo-header. */
  headers: string[];
  /** Of all names and values, each header with the four bytes that HTTP/1.1 would need around it. */
  bytes: number;
}

/**
 * Reads a flat header list as it came off the wire. What is malformed by itself (upper case, connection headers, repeated
 * or late pseudo-headers) nghttp2 has reset before. `:authority` and `host` may both be there if they agree (RFC 9113
 * section 8.3.1); otherwise both stay, and a request with two hosts is refused. Cookie crumbs become one header again
 * (section 8.2.3).
 */
export function readHead(raw: readonly string[]): RequestHead {
  const pseudo = new Map<string, string>();
  const headers: string[] = [];
  let cookieAt = -1;
  let bytes = 0;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    bytes += name.length + value.length + 4;
    if (name.startsWith(':')) pseudo.set(name, value);
    else if (name === 'cookie' && cookieAt !== -1) headers[cookieAt] += `; ${value}`;
    else {
      if (name === 'cookie') cookieAt = headers.length + 1;
      headers.push(name, value);
    }
  }
  const authority = pseudo.get(':authority');
  return {
    method: pseudo.get(':method') ?? '',
    scheme: pseudo.get(':scheme') ?? '',
    path: pseudo.get(':path') ?? '',
    headers: authority === undefined ? headers : withAuthority(headers, authority),
    bytes,
  };
}

function withAuthority(headers: string[], authority: string): string[] {
  const at = headers.findIndex((name, index) => index % 2 === 0 && name === 'host');
  if (at !== -1 && headers[at + 1]?.toLowerCase() === authority.toLowerCase()) headers.splice(at, 2);
  headers.unshift('host', authority);
  return headers;
}

/** An HTTP/2 stream as the request that it carries. */
export class Http2Request implements ClientRequest {
  readonly httpVersion = HTTP2_VERSION;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly bodyFollows: boolean;
  /** Complete when the body has ended. */
  rawTrailers: readonly string[] = [];
  readonly #stream: ServerHttp2Stream;
  readonly #hasEnded: () => boolean;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    this.#stream = stream;
    this.method = headers[':method'] ?? '';
    this.headers = headers;
    this.bodyFollows = !stream.endAfterHeaders;
    stream.on('trailers', (_headers: IncomingHttpHeaders, _flags: number, raw: string[]) => {
      this.rawTrailers = raw;
    });
    // On a busy machine all of the body has come off the connection before Node tells of the stream.
    const isThere = !this.bodyFollows || stream.state.remoteClose === 1;
    this.#hasEnded = isThere ? () => true : watchEndOfStream(stream);
  }

  get complete(): boolean {
    return this.#hasEnded();
  }

  on(event: BodyEvent, listener: BodyListener): void {
    this.#stream.on(event, listener);
  }

  off(event: BodyEvent, listener: BodyListener): void {
    this.#stream.off(event, listener);
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }
}
