import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { constants } from 'node:http2';
import { Problem } from '../../contracts/problem.js';
import { problemReply } from '../../kit/problem-replies.js';
import type { HeaderList } from '../pipeline/states.js';
import type { ClientResponse } from './client-side.js';
import type { Http2Request } from './http2-request.js';

/** Of one connection only; HTTP/2 has none of them (RFC 9113 section 8.2.2). */
const CONNECTION_HEADERS = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** Response headers of which Node sends one only, and throws at two. */
const SINGLE = new Set([
  'access-control-allow-credentials',
  'access-control-max-age',
  'age',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-md5',
  'content-range',
  'content-type',
  'date',
  'etag',
  'expires',
  'last-modified',
  'location',
  'retry-after',
  'tk',
  'x-content-type-options',
]);

/**
 * An HTTP/2 stream as the response that it carries. Not Node's own compatibility layer, which loses all but one of
 * several `set-cookie` in a header list, and ends a response that is destroyed like a whole one (nodejs/node #35302).
 */
export class Http2Reply implements ClientResponse {
  readonly req: Http2Request;
  statusCode = 0;
  headersSent = false;
  /** Of no meaning here: connections are told by GOAWAY. */
  shouldKeepAlive = true;
  protected readonly stream: ServerHttp2Stream;
  protected readonly requestId: string;
  /** How long the client may take to read the end of it. */
  readonly #stallMs: number;
  /** Written with the first of the body, so that headers alone can end the stream. */
  #head: OutgoingHttpHeaders | undefined;
  #trailers: OutgoingHttpHeaders | undefined;
  #isEnded = false;
  #isBroken = false;

  constructor(stream: ServerHttp2Stream, request: Http2Request, requestId: string, stallMs: number) {
    this.stream = stream;
    this.req = request;
    this.requestId = requestId;
    this.#stallMs = stallMs;
    // A client that resets its stream is told of by `close` as well.
    stream.on('error', () => undefined);
    stream.on('wantTrailers', () => stream.sendTrailers(this.#trailers ?? {}));
  }

  get destroyed(): boolean {
    return this.#isBroken || this.stream.destroyed || this.stream.closed;
  }

  get writableEnded(): boolean {
    return this.#isEnded;
  }

  get writableFinished(): boolean {
    return this.#isEnded && this.stream.writableFinished && !this.stream.aborted && !this.#isBroken;
  }

  writeContinue(): void {
    if (!this.destroyed) this.stream.additionalHeaders({ ':status': 100 });
  }

  /** Throws `upstream_response_invalid` for what cannot be said in HTTP/2. */
  writeHead(status: number, headers: readonly string[]): void {
    if (status < 200 || status > 599)
      throw new Problem('upstream_response_invalid', { reason: 'response.status' });
    this.#head = { ...headerObject(headers), ':status': status };
    this.statusCode = status;
    this.headersSent = true;
    queueMicrotask(() => this.flushHeaders());
  }

  flushHeaders(): void {
    this.#respond(false);
  }

  write(chunk: Uint8Array): boolean {
    this.flushHeaders();
    return this.destroyed || this.stream.write(chunk);
  }

  addTrailers(trailers: readonly (readonly [string, string])[]): void {
    if (trailers.length > 0) this.#trailers = { ...this.#trailers, ...headerObject(trailers.flat()) };
  }

  end(onFinished?: () => void): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (this.destroyed) return;
    this.#respond(this.#trailers === undefined);
    this.stream.end(onFinished);
    const stall = setTimeout(() => this.destroy(), this.#stallMs).unref();
    this.stream.once('close', () => clearTimeout(stall));
    this.#endRequest();
  }

  /** All of it at once; of equal names the last. Returns the size of the body that is sent. */
  answer(status: number, headers: HeaderList, body: Uint8Array): number {
    const last = new Map<string, string>([['x-request-id', this.requestId]]);
    for (let i = 0; i + 1 < headers.length; i += 2) last.set(headers[i] ?? '', headers[i + 1] ?? '');
    if (status !== 204 && status !== 304) last.set('content-length', String(body.length));
    this.writeHead(status, [...last].flat());
    const isSent = body.length > 0 && this.req.method !== 'HEAD';
    if (isSent) this.write(body);
    this.end();
    return isSent ? body.length : 0;
  }

  /** A problem in the upstream's place. Returns the size of its body. */
  refuse(problem: Problem, further: HeaderList): number {
    const { headers, body } = problemReply(problem, this.requestId);
    return this.answer(problem.status, [...further, ...Object.entries(headers).flat()], body);
  }

  /** Ends a response of which a part may have been sent. */
  cut(problem: Problem): void {
    if (this.headersSent) this.destroy();
    else this.refuse(problem, []);
  }

  /**
   * An error is what makes Node send RST_STREAM at once; `close(code)` would end the body with END_STREAM first, and
   * `destroy()` alone say NO_ERROR.
   */
  destroy(): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.stream.destroy(new Error('the response was broken off'));
  }

  on(event: 'close', listener: () => void): void {
    this.stream.on(event, listener);
  }

  once(event: 'close' | 'drain', listener: () => void): void {
    this.stream.once(event, listener);
  }

  #respond(endStream: boolean): void {
    const head = this.#head;
    if (head === undefined) return;
    this.#head = undefined;
    if (this.destroyed) return;
    try {
      this.stream.respond(head, { endStream, waitForTrailers: !endStream });
    } catch {
      // Node's own idea of a header that HTTP/2 cannot carry. Too late to say so.
      this.destroy();
    }
  }

  /** Nobody reads the rest of the request: once the response is out, its sender is told so (RFC 9113 section 8.1). */
  #endRequest(): void {
    if (this.req.complete) return;
    const stop = (): void => this.stream.close(constants.NGHTTP2_NO_ERROR);
    // Trailers come after `finish`, and a reset would overtake them.
    if (this.#trailers !== undefined) this.stream.once('wantTrailers', () => setImmediate(stop));
    else if (this.stream.writableFinished) stop();
    else this.stream.once('finish', () => setImmediate(stop));
  }
}

/** Names in lower case, repeats as lists, as Node takes them. Throws for two that contradict each other. */
function headerObject(list: readonly string[]): OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  for (let i = 0; i + 1 < list.length; i += 2) {
    const name = (list[i] ?? '').toLowerCase();
    const value = list[i + 1] ?? '';
    if (CONNECTION_HEADERS.has(name)) continue;
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (typeof before === 'object') before.push(value);
    else if (!SINGLE.has(name)) headers[name] = [before, value];
    else if (before !== value) throw new Problem('upstream_response_invalid', { reason: `response.${name}` });
  }
  return headers;
}
