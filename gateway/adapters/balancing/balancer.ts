import { firstInOrder, type HasCaller, hashText } from './choose-by-hash.js';
import { leastRequests, type Random, roundRobin } from './choose-target.js';
import type { Target } from './target.js';
import type { UpstreamSpec } from './upstream-spec.js';

/** By the caller's key (see {@link Balancer.keyOf}); undefined where there is no target. */
export type ChooseFor = (key: number) => Target | undefined;

/** How an upstream chooses among its targets: by `balance`. */
export class Balancer {
  readonly #spec: Pick<UpstreamSpec, 'balance' | 'hashOn'>;
  readonly #random: Random;

  constructor(spec: Pick<UpstreamSpec, 'balance' | 'hashOn'>, random: Random) {
    this.#spec = spec;
    this.#random = random;
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
