import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from 'node:http2';
import { addAbortSignal } from 'node:stream';
import { type Dispatcher, errors } from 'undici';
import { watchEndOfStream } from '../../../kit/http2-end-of-stream.js';
import type { Http2Connection } from './http2-connection.js';
import { requestError, streamError, UnprocessedError } from './http2-errors.js';
import { requestHeaders } from './request-headers.js';
import { RequestUpload, type UploadOptions } from './request-upload.js';

/** RFC 9113 section 8.7 allows one more time without asking anybody. */
const RESENDS = 1;
/** For {@link addAbortSignal}: the one way to have Node reset a stream at once, with CANCEL and without END_STREAM. */
const ABORTED = AbortSignal.abort();

export type Http2Options = Dispatcher.DispatchOptions & UploadOptions;

export interface ExchangePorts {
  /** For requests that name no host. */
  authority: string;
  /** It was not taken, and goes to another connection. */
  sendAgain(exchange: Http2Exchange): void;
}

/** One request and its response, on one stream after the other until one of them takes it. */
export class Http2Exchange {
  readonly #options: Http2Options;
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #ports: ExchangePorts;
  #connection: Http2Connection | undefined;
  #stream: ClientHttp2Stream | undefined;
  #upload: RequestUpload | undefined;
  #hasEnded: () => boolean = () => false;
  #isTold = false;
  #isAnswered = false;
  #isOver = false;
  #resends = RESENDS;
  #trailers: readonly string[] = [];
  #cause: Error | undefined;
  #silence: NodeJS.Timeout | undefined;

  constructor(options: Http2Options, handler: Dispatcher.DispatchHandler, ports: ExchangePorts) {
    this.#options = options;
    this.#handler = handler;
    this.#ports = ports;
    this.#watchSilence();
  }

  /** Nobody waits for it any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Ends it from outside; for one that waits for a connection as well. */
  fail(error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#silence);
    this.#upload?.drop();
    const stream = this.#stream;
    if (stream !== undefined && !stream.destroyed) addAbortSignal(ABORTED, stream);
    // A handler that has just been called is not called again from within that call.
    process.nextTick(() => this.#handler.onError?.(error));
  }

  sendOn(connection: Http2Connection): void {
    if (!this.#isTold) {
      this.#isTold = true;
      this.#handler.onConnect?.((error) => this.#abort(error ?? new errors.RequestAbortedError()));
    }
    if (this.#isOver) return;
    try {
      this.#open(connection);
    } catch (cause) {
      this.#giveUp(requestError(cause));
    }
  }

  #open(connection: Http2Connection): void {
    const { body = null } = this.#options;
    const stream = connection.request(requestHeaders(this.#options, this.#ports.authority), {
      endStream: body === null,
      waitForTrailers: body !== null && this.#options.trailers !== undefined,
    });
    this.#connection = connection;
    this.#stream = stream;
    this.#hasEnded = watchEndOfStream(stream);
    this.#silence?.refresh();
    stream.on('response', (headers, flags, raw: string[]) => this.#onResponse(headers, flags, raw));
    stream.on('trailers', (_headers, _flags, raw: string[]) => {
      this.#trailers = raw;
    });
    stream.on('data', (chunk: Buffer) => {
      if (this.#isAnswered) this.#onData(stream, chunk);
      // Node tells of a head in the next tick, and at times in the same breath of the bytes that came with it.
      else process.nextTick(() => this.#onData(stream, chunk));
    });
    stream.on('end', () => {
      if (this.#hasEnded()) this.#complete();
    });
    stream.on('error', (error) => {
      this.#cause ??= error;
    });
    stream.once('close', () => this.#onClose(stream, connection));
    if (body !== null)
      this.#upload = new RequestUpload(body, stream, this.#options, {
        onProgress: () => this.#silence?.refresh(),
        onError: (error) => this.fail(error),
      });
  }

  #onResponse(headers: IncomingHttpHeaders, flags: number, raw: string[]): void {
    if (this.#isOver) return;
    this.#isAnswered = true;
    clearTimeout(this.#silence);
    const stream = this.#stream;
    const resume = (): void => void stream?.resume();
    // undici's handlers take text as well as bytes, whatever their types say.
    const fields = withoutPseudo(raw) as unknown as Buffer[];
    const goesOn = this.#handler.onHeaders?.(Number(headers[':status']), fields, resume, '');
    if (goesOn === false) stream?.pause();
    // In the same breath: that it is headers alone is part of what is said (gRPC's Trailers-Only).
    if ((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0) this.#complete();
  }

  #onData(stream: ClientHttp2Stream, chunk: Buffer): void {
    if (!this.#isOver && this.#handler.onData?.(chunk) === false) stream.pause();
  }

  #complete(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#upload?.drop();
    // What is left of a request that is answered already is for nobody.
    if (this.#stream?.writableEnded === false) addAbortSignal(ABORTED, this.#stream);
    this.#handler.onComplete?.(this.#trailers as string[]);
  }

  #onClose(stream: ClientHttp2Stream, connection: Http2Connection): void {
    if (this.#isOver || this.#stream !== stream) return;
    const { rstCode = 0 } = stream;
    const cause = this.#cause;
    const wasUnprocessed =
      !this.#isAnswered && (rstCode === constants.NGHTTP2_REFUSED_STREAM || connection.neverTook(stream));
    this.#giveUp(streamError({ rstCode, cause, wasUnprocessed, isAnswered: this.#isAnswered }));
  }

  #giveUp(error: Error): void {
    const isAgain = error instanceof UnprocessedError && this.#resends > 0 && this.#upload?.hasBegun !== true;
    if (!isAgain) {
      this.fail(error);
      return;
    }
    this.#resends -= 1;
    this.#upload?.detach();
    this.#cause = undefined;
    this.#stream = undefined;
    this.#ports.sendAgain(this);
  }

  #abort(error: Error): void {
    const { code } = error as { code?: unknown };
    // Node leaves a session open that nghttp2 has given up on, and says nothing of it.
    if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'upstream_timeout') this.#connection?.suspect();
    this.fail(error);
  }

  /** Until the answer begins. A client that is slow with its body is not the upstream's silence. */
  #watchSilence(): void {
    const { headersTimeout } = this.#options;
    if (headersTimeout === null || headersTimeout === undefined || headersTimeout === 0) return;
    this.#silence = setTimeout(() => {
      if (this.#upload?.waitsForClient === true) this.#silence?.refresh();
      else this.#abort(new errors.HeadersTimeoutError());
    }, headersTimeout).unref();
  }
}

function withoutPseudo(raw: readonly string[]): string[] {
  return raw.filter((_, index) => raw[index - (index % 2)]?.startsWith(':') !== true);
}
