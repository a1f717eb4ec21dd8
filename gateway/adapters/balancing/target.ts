import type { Clock } from '../../../kit/clock.js';
import { LinkedList } from '../../../kit/linked-list.js';
import type { TargetPool } from '../upstream-pool.js';
import { hashText } from './choose-by-hash.js';

/** A request that waits for a target's first byte. */
export interface Waiting {
  /** Monotonic milliseconds. */
  readonly sentAt: number;
  /** Tries another target, if it may. */
  moveOn(): void;
}

/**
 * `in`: takes requests. `suspected`: has been silent for too long; `returning`: was ejected, and the time is up. Both take
 * one request at a time, to see. `ejected`: takes none.
 */
export type TargetState = 'in' | 'suspected' | 'ejected' | 'returning';

/** One address of an upstream: its connections, and what is known of it. */
export class Target {
  /** As config names it. */
  readonly url: string;
  /** What its host name came to; undefined for one that has not been looked up. */
  readonly address: string | undefined;
  readonly connections: TargetPool;
  /** Its place in the order of each caller. */
  readonly hash: number;
  /** Its share of the requests. */
  weight = 0;
  state: TargetState = 'in';
  /** By its health checks. */
  healthy = true;
  inFlight = 0;
  /** Monotonic milliseconds; its share grows from then on. */
  easesInSince = Number.NEGATIVE_INFINITY;
  /** The one request that it has to prove itself by. */
  trial: Waiting | undefined;
  onTrialSince = 0;
  failuresInARow = 0;
  /** Without a good answer in between. */
  ejectionsInARow = 0;
  /** Until then it is left out. */
  cancelReturn: () => void = () => undefined;
  answeredAt = Number.NEGATIVE_INFINITY;
  /** In the order in which they were sent. */
  readonly waiting = new LinkedList<Waiting>();

  constructor(url: string, address: string | undefined, connections: TargetPool) {
    this.url = url;
    this.address = address;
    this.connections = connections;
    this.hash = hashText(`${url} ${address ?? ''}`);
  }

  get isAvailable(): boolean {
    return this.state === 'in' && this.healthy;
  }

  /** It takes one more request. Those above would wait in a line without end. */
  get hasRoom(): boolean {
    return this.inFlight < this.connections.capacity;
  }

  /** It is new, or has returned. */
  easeIn(clock: Clock): void {
    this.easesInSince = clock.monotonic();
  }

  /** Whoever waits for it and may goes on elsewhere. */
  leaveWaiting(): void {
    for (const request of this.waiting) request.moveOn();
  }

  /** It takes one request at a time, to see whether it is well. */
  get isOnTrial(): boolean {
    return (this.state === 'suspected' || this.state === 'returning') && this.healthy;
  }
}
