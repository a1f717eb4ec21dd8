import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { Problem } from '../../contracts/problem.js';
import type { Transfer } from '../pipeline/ports.js';
import type { ClientRequest } from './client-side.js';

export interface RequestBodyLimits {
  maxBytes: number;
  /** Longest pause of the client between two chunks while the upstream is willing to take more; 0 for none. */
  idleMs: number;
  /** What the upstream says in the meantime ends a pause as well. */
  isTwoWay?: boolean;
}

/** What is left of the body may still come, and would be taken for the next request. */
export const lateBody = (): Problem => new Problem('request_timeout', { headers: { connection: 'close' } });

/** Whether the head of the request announced a body. */
export function hasBody({ headers, bodyFollows }: ClientRequest): boolean {
  if (bodyFollows !== undefined) return bodyFollows;
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

/**
 * A request's body on its way to the upstream: counted, timed, and apart from the client's connection. undici destroys
 * a body that it no longer wants, and destroying the request itself would cut off a client that is still to get the
 * upstream's early answer.
 */
export class RequestBody extends Readable {
  readonly #source: ClientRequest;
  readonly #limits: RequestBodyLimits;
  readonly #transfer: Pick<Transfer, 'bytesIn' | 'bytesOut'>;
  #idle: NodeJS.Timeout | undefined;
  /** At the last look. */
  #bytesOut = 0;
  /** Part of it, or its end, has been taken from the client, and is not there a second time. */
  hasBegun = false;

  constructor(
    source: ClientRequest,
    limits: RequestBodyLimits,
    transfer: Pick<Transfer, 'bytesIn' | 'bytesOut'>,
  ) {
    super({ highWaterMark: 64 * 1024 });
    this.#source = source;
    this.#limits = limits;
    this.#transfer = transfer;
    source.on('data', this.#onData);
    source.on('end', this.#onEnd);
    source.on('error', this.#onError);
    source.on('close', this.#onClose);
    source.pause();
    // Nobody else listens while the request waits for its turn at the upstream.
    this.on('error', () => undefined);
  }

  /** The upstream is willing to take more, and the client has sent nothing. */
  get isAwaited(): boolean {
    return this.#idle !== undefined;
  }

  override _read(): void {
    const { idleMs } = this.#limits;
    if (idleMs > 0) this.#idle ??= setTimeout(() => this.#onSilence(), idleMs);
    this.#source.resume();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#stopIdle();
    this.#source.off('data', this.#onData);
    this.#source.off('end', this.#onEnd);
    this.#source.off('error', this.#onError);
    this.#source.off('close', this.#onClose);
    done(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.hasBegun = true;
    this.#transfer.bytesIn += chunk.length;
    if (this.#transfer.bytesIn > this.#limits.maxBytes) {
      this.destroy(new Problem('body_too_large', { headers: { connection: 'close' } }));
      return;
    }
    if (this.push(chunk)) this.#idle?.refresh();
    else {
      this.#stopIdle();
      this.#source.pause();
    }
  };

  readonly #onEnd = (): void => {
    this.hasBegun = true;
    this.#stopIdle();
    // An HTTP/2 stream that is reset with NO_ERROR ends for its reader, too.
    if (this.#source.complete) this.push(null);
    else this.#onClose();
  };

  readonly #onError = (error: Error): void => {
    this.destroy(error);
  };

  readonly #onClose = (): void => {
    if (!this.#source.complete) this.destroy(new Error('the client went away in the middle of its body'));
  };

  #onSilence(): void {
    const { bytesOut } = this.#transfer;
    if (this.#limits.isTwoWay === true && bytesOut > this.#bytesOut) this.#idle?.refresh();
    else this.destroy(lateBody());
    this.#bytesOut = bytesOut;
  }

  #stopIdle(): void {
    clearTimeout(this.#idle);
    this.#idle = undefined;
  }
}

/** After a refusal the rest of a body is read and dropped, so that the client can read its answer; up to a bound. */
const LINGER_BYTES = 256 * 1024;
const LINGER_MS = 5000;

export function discardBody(source: IncomingMessage): void {
  if (source.complete) return;
  let left = LINGER_BYTES;
  const cut = (): void => {
    source.socket.destroy();
  };
  const timer = setTimeout(cut, LINGER_MS).unref();
  source.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) cut();
  });
  source.on('error', () => undefined);
  source.once('close', () => clearTimeout(timer));
  source.once('end', () => clearTimeout(timer));
  source.resume();
}
