import type { Sample } from './metrics.js';

/** A count for each combination of labels, one level a label: `tally.at(issuer).at(code).count += 1`. */
export class Tally {
  count = 0;
  readonly #below = new Map<string, Tally>();

  at(label: string): Tally {
    let next = this.#below.get(label);
    if (next === undefined) {
      next = new Tally();
      this.#below.set(label, next);
    }
    return next;
  }

  /** `names` are those of the levels, from the top. */
  samples([name, ...names]: readonly string[], labels: Readonly<Record<string, string>> = {}): Sample[] {
    if (name === undefined) return [{ labels, value: this.count }];
    return [...this.#below].flatMap(([label, below]) => below.samples(names, { ...labels, [name]: label }));
  }
}
