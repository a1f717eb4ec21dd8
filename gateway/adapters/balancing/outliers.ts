import type { Clock } from '../../../kit/clock.js';
import type { Target, TargetState } from './target.js';
import type { OutlierBounds } from './upstream-spec.js';

/** A target is silent when its oldest request waits so many times longer than answers usually take. */
const SILENCE_FACTOR = 10;
const MIN_SILENCE_MS = 1000;
const LOOK_EVERY_MS = 250;
const MAX_EJECTION_FACTOR = 10;
/** Answers by which it is known what is usual. */
const ENOUGH_ANSWERS = 20;

export interface OutlierPorts {
  /** Those that may get requests. */
  targets(): readonly Target[];
  /** The target takes more or less than before. */
  moved(target: Target, before: TargetState): void;
  clock: Clock;
}

/**
 * Targets that behave unlike the others are left out for a while: those that fail several times in a row, and those that
 * have fallen silent. At most half of them at a time: when most of them fail, the fault is elsewhere, and the rest would
 * only break under the load.
 */
export class Outliers {
  readonly #bounds: OutlierBounds;
  readonly #ports: OutlierPorts;
  #usualMs = 0;
  #answers = 0;
  #cancelLook: () => void = () => undefined;

  constructor(bounds: OutlierBounds, ports: OutlierPorts) {
    this.#bounds = bounds;
    this.#ports = ports;
  }

  start(): void {
    this.#cancelLook();
    if (this.#bounds.failures === 0) return;
    this.#cancelLook = this.#ports.clock.after(LOOK_EVERY_MS, () => {
      this.#suspectSilent();
      this.start();
    });
  }

  stop(): void {
    this.#cancelLook();
  }

  /** How long a request to a target on trial waits before it tries another one. */
  get patienceMs(): number {
    return Math.max(MIN_SILENCE_MS, SILENCE_FACTOR * this.#usualMs);
  }

  answered(target: Target, tookMs: number): void {
    target.failuresInARow = 0;
    target.ejectionsInARow = 0;
    target.cancelReturn();
    this.#answers += 1;
    // A moving average over about the last fifty.
    this.#usualMs += (tookMs - this.#usualMs) / Math.min(this.#answers, 50);
    if (target.state !== 'in') this.#become(target, 'in');
  }

  failed(target: Target): void {
    target.failuresInARow += 1;
    const isProven = target.state === 'returning' || target.failuresInARow >= this.#bounds.failures;
    if (this.#bounds.failures > 0 && isProven && target.state !== 'ejected') this.#eject(target);
  }

  #eject(target: Target): void {
    if (target.state === 'in' && !this.#mayLeaveOut()) return;
    const factor = Math.min(target.ejectionsInARow + 1, MAX_EJECTION_FACTOR);
    target.ejectionsInARow += 1;
    this.#become(target, 'ejected');
    target.cancelReturn = this.#ports.clock.after(this.#bounds.ejectMs * factor, () => {
      target.failuresInARow = 0;
      if (target.state === 'ejected') this.#become(target, 'returning');
    });
    target.leaveWaiting();
  }

  /**
   * One answer that is late proves nothing, since it may take its time: it only puts a target on trial. As many of them
   * as would be failures enough, and not one in between, are failures.
   */
  #suspectSilent(): void {
    if (this.#answers < ENOUGH_ANSWERS) return;
    const before = this.#ports.clock.monotonic() - this.patienceMs;
    for (const target of this.#ports.targets()) {
      const late = this.#countLate(target, before);
      if (late > 0 && target.state === 'in' && this.#mayLeaveOut()) this.#become(target, 'suspected');
      if (late >= this.#bounds.failures && target.state === 'suspected') this.#eject(target);
    }
  }

  /** Of those sent since its last answer; what was sent before may be something long. No more than are asked about. */
  #countLate({ waiting, answeredAt }: Target, before: number): number {
    let late = 0;
    for (const { sentAt } of waiting) {
      if (sentAt > before || late === this.#bounds.failures) break;
      if (sentAt >= answeredAt) late += 1;
    }
    return late;
  }

  #mayLeaveOut(): boolean {
    const targets = this.#ports.targets();
    const out = targets.filter(({ isAvailable }) => !isAvailable).length;
    return out + 1 <= targets.length / 2;
  }

  #become(target: Target, state: TargetState): void {
    const before = target.state;
    target.state = state;
    target.onTrialSince = this.#ports.clock.monotonic();
    this.#ports.moved(target, before);
  }
}
