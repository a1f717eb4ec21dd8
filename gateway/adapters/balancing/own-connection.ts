import type { TLSSocket } from 'node:tls';
import { type AttemptPorts, isTargetsFault } from './attempt.js';
import type { Target } from './target.js';

/** A connection to a target for what its pool does not carry. Until it closes it counts as a request under way. */
export class OwnConnection {
  readonly socket: TLSSocket;
  readonly #upstream: AttemptPorts;
  readonly #target: Target;
  readonly #startedAt: number;
  #isLeft = false;

  constructor(upstream: AttemptPorts, target: Target, socket: TLSSocket) {
    this.#upstream = upstream;
    this.#target = target;
    this.socket = socket;
    this.#startedAt = upstream.monotonic();
    socket.once('close', () => {
      target.inFlight -= 1;
      upstream.ended();
    });
  }

  answered(status: number): void {
    if (!this.#isLeft)
      this.#upstream.answered(this.#target, this.#upstream.monotonic() - this.#startedAt, status);
  }

  /** Without an answer. */
  failed(): void {
    if (!this.#isLeft) this.#upstream.failed(this.#target);
  }

  /** Nobody waits for an answer any more: what still comes of it says nothing about the target. */
  leave(): void {
    this.#isLeft = true;
  }
}

/** To one target after the other until there is one; rejects with what the last one failed by. */
export async function connectToOne(
  upstream: AttemptPorts,
  first: Target,
  key: number,
): Promise<OwnConnection> {
  const tried: Target[] = [];
  for (let target = first; ; ) {
    target.inFlight += 1;
    try {
      return new OwnConnection(upstream, target, await target.connections.connect());
    } catch (error) {
      target.inFlight -= 1;
      tried.push(target);
      const next = upstream.targets.nextBut(tried, key);
      if (!isTargetsFault(error as Error)) throw error;
      upstream.failed(target);
      if (next === undefined || tried.length >= upstream.targets.count) throw error;
      upstream.record.passedOver += 1;
      target = next;
    }
  }
}
