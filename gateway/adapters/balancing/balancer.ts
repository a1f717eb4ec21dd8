import type { Clock } from '../../../kit/clock.js';
import { firstInOrder, type HasCaller, hashText } from './choose-by-hash.js';
import { leastRequests, type Random, roundRobin } from './choose-target.js';
import type { Target } from './target.js';
import type { UpstreamSpec } from './upstream-spec.js';

/** By the caller's key (see {@link Balancer.keyOf}); undefined where there is no target. */
export type ChooseFor = (key: number) => Target | undefined;

type BalancerSpec = Pick<UpstreamSpec, 'balance' | 'hashOn' | 'slowStartMs'>;

/** What a target gets of its share to begin with. */
const FIRST_PART = 0.1;

/** How an upstream chooses among its targets: by `balance`. */
export class Balancer {
  readonly #spec: BalancerSpec;
  readonly #random: Random;
  readonly #clock: Clock;

  constructor(spec: BalancerSpec, { random, clock }: { random: Random; clock: Clock }) {
    this.#spec = spec;
    this.#random = random;
    this.#clock = clock;
  }

  /** What a request is chosen a target by; 0 where that is not its caller. */
  keyOf(caller: HasCaller): number {
    const { hashOn } = this.#spec;
    if (hashOn === undefined) return 0;
    const named = caller.callerKey?.(hashOn);
    return named === undefined ? this.#random() * 2 ** 32 : hashText(named);
  }

  /** Of the same targets again and again. */
  among(candidates: readonly Target[]): ChooseFor {
    const easing = candidates.filter((target) => this.#partOf(target) < 1);
    // While all are new, there is nobody to spare them.
    if (easing.length === 0 || easing.length === candidates.length) return this.#evenly(candidates);
    return this.#spec.balance === 'hash'
      ? (key) => firstInOrder(candidates, key, this.#partOf)
      : this.#easingIn(candidates, easing);
  }

  /**
   * Chance picks those whose share still grows, each by the share that it has now, and leaves the rest to the others.
   * That they have little to do must not count for them: it would bring them everything.
   */
  #easingIn(candidates: readonly Target[], easing: readonly Target[]): ChooseFor {
    const others = candidates.filter((target) => !easing.includes(target));
    const weight = others.reduce((sum, target) => sum + target.weight, 0);
    const [amongAll, amongOthers] = [this.#evenly(candidates), this.#evenly(others)];
    return (key) => {
      if (easing.every((target) => this.#partOf(target) === 1)) return amongAll(key);
      const total = easing.reduce((sum, target) => sum + target.weight * this.#partOf(target), weight);
      let left = this.#random() * total - weight;
      if (left < 0) return amongOthers(key);
      for (const target of easing) {
        left -= target.weight * this.#partOf(target);
        if (left < 0) return target;
      }
      return amongOthers(key);
    };
  }

  /** How much of its weight a target has by now: from a tenth to all of it, in a straight line. */
  readonly #partOf = ({ easesInSince }: Target): number => {
    const { slowStartMs } = this.#spec;
    if (slowStartMs === 0) return 1;
    const passed = (this.#clock.monotonic() - easesInSince) / slowStartMs;
    return Math.min(1, FIRST_PART + (1 - FIRST_PART) * passed);
  };

  #evenly(candidates: readonly Target[]): ChooseFor {
    switch (this.#spec.balance) {
      case 'round_robin':
        return roundRobin(candidates, Math.floor(this.#random() * candidates.length));
      case 'least_requests':
        return leastRequests(candidates, this.#random);
      case 'hash':
        return (key) => firstInOrder(candidates, key);
    }
  }

  /** Once, and it takes nobody's turn. */
  anyOf(targets: readonly Target[], key: number): Target | undefined {
    return this.#spec.balance === 'hash'
      ? firstInOrder(targets, key)
      : leastRequests(targets, this.#random)();
  }

  /** Whether the caller would have `target` rather than what `choose` gives. Who keeps to no target may have any. */
  prefers(target: Target, choose: ChooseFor, key: number): boolean {
    if (this.#spec.balance !== 'hash') return true;
    const chosen = choose(key);
    return chosen === undefined || firstInOrder([chosen, target], key) === target;
  }
}
