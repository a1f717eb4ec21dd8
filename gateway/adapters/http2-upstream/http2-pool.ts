import { Dispatcher, errors } from 'undici';
import { type ConnectionPorts, Http2Connection, STREAMS_PER_CONNECTION } from './http2-connection.js';
import { Http2Exchange, type Http2Options } from './http2-exchange.js';

export interface Http2PoolOptions extends Omit<ConnectionPorts, 'onRoom' | 'onFailure' | 'onClose'> {
  /** Connections. */
  max: number;
}

/**
 * The verified HTTP/2 connections to one address, for undici: its own HTTP/2 sends no request trailers, and takes a stream
 * that was reset for one that ended. A request goes to the connection with the most room; another one is opened when all
 * are full.
 */
export class Http2Pool extends Dispatcher {
  readonly #options: Http2PoolOptions;
  readonly #authority: string;
  readonly #connections = new Set<Http2Connection>();
  readonly #waiting = new Set<Http2Exchange>();
  #isClosed = false;
  #isDestroyed = false;
  #whenEmpty: (() => void)[] = [];

  constructor(options: Http2PoolOptions) {
    super();
    this.#options = options;
    this.#authority = new URL(options.origin).host;
  }

  /** Opens connections ahead of the first request. */
  warm(count: number): void {
    for (let i = 0; i < count; i++) this.#connect();
  }

  override dispatch(options: Http2Options, handler: Dispatcher.DispatchHandler): boolean {
    if (this.#isClosed) {
      handler.onError?.(new errors.ClientClosedError());
      return false;
    }
    this.#send(
      new Http2Exchange(options, handler, {
        authority: this.#authority,
        sendAgain: (exchange) => this.#send(exchange),
      }),
    );
    return this.#waiting.size === 0;
  }

  /** Lets what is under way end. */
  override close(): Promise<void> {
    this.#isClosed = true;
    this.#leaveWhenServed();
    return this.#emptied();
  }

  override destroy(): Promise<void> {
    this.#isClosed = true;
    this.#isDestroyed = true;
    this.#failWaiting(new errors.ClientDestroyedError());
    for (const connection of this.#connections) connection.destroy();
    return this.#emptied();
  }

  #send(exchange: Http2Exchange): void {
    // What was under way when everything was cut must not open anything again.
    if (this.#isDestroyed) {
      exchange.fail(new errors.ClientDestroyedError());
      return;
    }
    this.#waiting.add(exchange);
    this.#serve();
  }

  #serve(): void {
    for (const exchange of this.#waiting) {
      const connection = exchange.isOver ? undefined : this.#roomiest();
      if (connection === undefined && !exchange.isOver) break;
      this.#waiting.delete(exchange);
      if (connection !== undefined) exchange.sendOn(connection);
    }
    const connecting = [...this.#connections].filter(({ isConnecting }) => isConnecting).length;
    const needed = Math.ceil(this.#waiting.size / STREAMS_PER_CONNECTION);
    const allowed = this.#options.max - this.#connections.size;
    for (let i = connecting; i < needed && i - connecting < allowed; i++) this.#connect();
    if (this.#isClosed) this.#leaveWhenServed();
  }

  #roomiest(): Http2Connection | undefined {
    let best: Http2Connection | undefined;
    let room = 0;
    for (const connection of this.#connections) {
      if (connection.room <= room) continue;
      best = connection;
      ({ room } = connection);
    }
    return best;
  }

  #connect(): void {
    const connection: Http2Connection = new Http2Connection({
      ...this.#options,
      onRoom: () => this.#serve(),
      onFailure: (error) => this.#onFailure(error, connection),
      onClose: () => this.#onClose(connection),
    });
    this.#connections.add(connection);
  }

  /** Whoever waits goes on waiting where there is another connection. */
  #onFailure(error: Error, connection: Http2Connection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#failWaiting(error);
  }

  #onClose(connection: Http2Connection): void {
    this.#connections.delete(connection);
    this.#serve();
    if (!this.#isClosed || this.#connections.size > 0) return;
    for (const resolve of this.#whenEmpty) resolve();
    this.#whenEmpty = [];
  }

  #failWaiting(error: Error): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const exchange of waiting) exchange.fail(error);
  }

  #leaveWhenServed(): void {
    if (this.#waiting.size > 0) return;
    for (const connection of this.#connections) connection.leave();
  }

  #emptied(): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty.push(resolve);
    });
  }
}
