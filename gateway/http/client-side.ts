import type { Problem } from '../../contracts/problem.js';
import type { Transfer } from '../pipeline/ports.js';
import type { HeaderList } from '../pipeline/states.js';

/**
 * The client's side of one exchange, as far as forwarding goes. Node's HTTP/1.1 objects are these as they are;
 * `http2-request.ts` and `http2-reply.ts` make them of an HTTP/2 stream.
 */
export interface ClientRequest {
  readonly method?: string | undefined;
  /** `1.0`, `1.1` or `2`. */
  readonly httpVersion: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** All of it has come, and it was whole. */
  readonly complete: boolean;
  /** HTTP/2 says so by a flag, HTTP/1.1 by headers alone. */
  readonly bodyFollows?: boolean;
  /** Alternating names and values, complete when the body has ended. */
  readonly rawTrailers?: readonly string[];
  on(event: BodyEvent, listener: BodyListener): unknown;
  off(event: BodyEvent, listener: BodyListener): unknown;
  pause(): unknown;
  resume(): unknown;
}

export type BodyEvent = 'data' | 'end' | 'error' | 'close';
/** Of bytes for `data`, of an error for `error`. */
export type BodyListener = (value: Buffer & Error) => void;

export interface ClientResponse {
  readonly req: ClientRequest;
  readonly statusCode: number;
  readonly headersSent: boolean;
  /** It was broken off, by either side. */
  readonly destroyed: boolean;
  readonly writableEnded: boolean;
  /** It went out whole. */
  readonly writableFinished: boolean;
  /** `100 Continue`. */
  writeContinue(): void;
  /** `headers` alternate names and values; repeats are kept apart. */
  writeHead(status: number, headers: string[]): unknown;
  flushHeaders(): void;
  /** False: wait for `drain`. */
  write(chunk: Uint8Array): boolean;
  addTrailers(trailers: readonly [string, string][]): void;
  /** `onFinished`: all of it has gone out. */
  end(onFinished?: () => void): unknown;
  /** HTTP/1.1: whether the connection is for further requests. */
  shouldKeepAlive: boolean;
  on(event: 'close', listener: () => void): unknown;
  once(event: 'close' | 'drain', listener: () => void): unknown;
}

/** One exchange as forwarding sees it, and what the gateway itself does about its response in the client's protocol. */
export interface ClientSide {
  readonly clientRequest: ClientRequest;
  readonly response: ClientResponse;
  readonly transfer: Transfer;
  /** When the request arrived, in monotonic milliseconds; NaN where nobody asks. */
  readonly arrivedAt: number;
  /** Answers in the upstream's place; only called before anything of a response was sent. */
  refuse(problem: Problem, headers: HeaderList): void;
  /** Ends it after that: what was sent must not look whole. Without a problem: to a client that reads nothing. */
  breakOff(problem?: Problem): void;
  /** The reply was whole, and its client is to come back elsewhere. */
  leave(): void;
}
