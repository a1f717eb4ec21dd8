import type { ClientHttp2Stream } from 'node:http2';
import { Readable } from 'node:stream';
import { type Dispatcher, errors } from 'undici';
import { fieldsOf } from './request-headers.js';

export interface UploadOptions {
  /** Asked for when the body has ended: alternating names and values, sent behind it. */
  trailers?: (() => readonly string[]) | undefined;
}

export interface UploadPorts {
  /** The upstream's side of the connection has taken some of it. */
  onProgress(): void;
  onError(error: Error): void;
}

/** A request's body on its way to one stream. */
export class RequestUpload {
  readonly #body: Readable;
  readonly #stream: ClientHttp2Stream;
  readonly #ports: UploadPorts;

  constructor(
    body: NonNullable<Dispatcher.DispatchOptions['body']>,
    stream: ClientHttp2Stream,
    { trailers }: UploadOptions,
    ports: UploadPorts,
  ) {
    this.#body = readableOf(body);
    this.#stream = stream;
    this.#ports = ports;
    if (trailers !== undefined) stream.once('wantTrailers', () => stream.sendTrailers(fieldsOf(trailers())));
    stream.on('drain', this.#onDrain);
    this.#body.on('data', this.#onData);
    this.#body.on('end', this.#onEnd);
    this.#body.on('error', this.#onError);
    this.#body.on('close', this.#onClose);
  }

  /** Part of it is gone, and cannot be sent a second time. */
  get hasBegun(): boolean {
    return this.#body.readableDidRead;
  }

  /** The upstream would take more, and the client has not sent it yet. */
  get waitsForClient(): boolean {
    return !this.#body.readableEnded && !this.#stream.writableNeedDrain;
  }

  /** What is left of it is for nobody. */
  drop(): void {
    this.detach();
    this.#body.destroy();
  }

  /** Leaves it to another stream. */
  detach(): void {
    this.#stream.off('drain', this.#onDrain);
    this.#body.off('data', this.#onData);
    this.#body.off('end', this.#onEnd);
    this.#body.off('close', this.#onClose);
    this.#body.pause();
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#stream.write(chunk)) this.#ports.onProgress();
    else this.#body.pause();
  };

  readonly #onDrain = (): void => {
    this.#ports.onProgress();
    this.#body.resume();
  };

  readonly #onEnd = (): void => {
    this.#stream.end();
  };

  readonly #onError = (error: Error): void => this.#ports.onError(error);

  /** Closed without an end or an error is cut off, too. */
  readonly #onClose = (): void => {
    if (!this.#body.readableEnded) this.#ports.onError(new errors.RequestAbortedError());
  };
}

function readableOf(body: NonNullable<Dispatcher.DispatchOptions['body']>): Readable {
  if (body instanceof Readable) return body;
  const isWhole = typeof body === 'string' || body instanceof Uint8Array;
  return Readable.from(isWhole ? [body] : (body as unknown as AsyncIterable<Uint8Array>), {
    objectMode: false,
  });
}
