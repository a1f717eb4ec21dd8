/** What one side may ask of the other: by kind, what goes there and what comes back. Plain data that can be cloned. */
export type Protocol = Record<string, { body: unknown; answer: unknown }>;

export type Handlers<P extends Protocol> = {
  [K in keyof P]: (body: P[K]['body']) => P[K]['answer'] | Promise<P[K]['answer']>;
};

/** A process as the other side sees it: `process` in a worker, a worker's in the primary. */
export interface Port {
  send(message: Message, sent: (error: Error | null) => void): unknown;
  on(event: 'message', listener: (message: Message) => void): unknown;
  once(event: 'disconnect', listener: () => void): unknown;
}

export type Message =
  | { hello: true }
  | { ask: number; kind: string; body: unknown }
  | { answer: number; body: unknown }
  | { failed: number; message: string };

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

/**
 * One side of the talk between the primary and a worker. What one side sends arrives in that order; handlers run as they
 * come, side by side.
 */
export class Channel<Asks extends Protocol, Serves extends Protocol> {
  readonly #port: Port;
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;
  /** What waits for the other side to listen: Node would lose it. */
  #unsent: (() => void)[] | undefined;
  #isLost = false;

  /** `who`: the worker speaks first. */
  constructor(who: 'primary' | 'worker', port: Port, handlers: Handlers<Serves>) {
    this.#port = port;
    if (who === 'primary') this.#unsent = [];
    port.on('message', (message) => this.#receive(message, handlers as Record<string, Handler>));
    port.once('disconnect', () => {
      this.#isLost = true;
      for (const { reject } of this.#waiting.values()) reject(new Error('the other process is gone'));
      this.#waiting.clear();
    });
    if (who === 'worker') this.#send({ hello: true });
  }

  /** Rejects when the other side fails, is gone, or has not answered within `timeoutMs`; without it, waits. */
  ask<K extends keyof Asks & string>(
    kind: K,
    body: Asks[K]['body'],
    timeoutMs?: number,
  ): Promise<Asks[K]['answer']> {
    return new Promise((resolve, reject) => {
      this.#asked += 1;
      const ask = this.#asked;
      const forget = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(ask);
      };
      const failed = (error: Error): void => {
        forget();
        reject(error);
      };
      const late = (): void => failed(new Error(`no answer to ${kind} within ${timeoutMs} ms`));
      const timer = timeoutMs === undefined ? undefined : setTimeout(late, timeoutMs).unref();
      this.#waiting.set(ask, {
        resolve(answer) {
          forget();
          resolve(answer);
        },
        reject: failed,
      });
      this.#send({ ask, kind, body }, failed);
    });
  }

  /** Asks, and does not care for the answer. */
  tell<K extends keyof Asks & string>(kind: K, body: Asks[K]['body']): void {
    this.ask(kind, body).catch(() => undefined);
  }

  #receive(message: Message, handlers: Readonly<Record<string, Handler>>): void {
    if ('hello' in message) this.#sendAll();
    else if ('ask' in message) void this.#serve(message.ask, handlers[message.kind], message.body);
    else if ('answer' in message) this.#waiting.get(message.answer)?.resolve(message.body);
    else this.#waiting.get(message.failed)?.reject(new Error(message.message));
  }

  async #serve(ask: number, handler: Handler | undefined, body: unknown): Promise<void> {
    try {
      if (handler === undefined) throw new Error('the other process is of another version');
      this.#send({ answer: ask, body: await handler(body) });
    } catch (error) {
      this.#send({ failed: ask, message: error instanceof Error ? error.message : String(error) });
    }
  }

  #send(message: Message, failed: (error: Error) => void = () => undefined): void {
    if (this.#isLost) failed(new Error('the other process is gone'));
    else if (this.#unsent !== undefined) this.#unsent.push(() => this.#send(message, failed));
    else
      this.#port.send(message, (error) => {
        if (error !== null) failed(error);
      });
  }

  #sendAll(): void {
    const unsent = this.#unsent ?? [];
    this.#unsent = undefined;
    for (const send of unsent) send();
  }
}

type Handler = (body: unknown) => unknown;
