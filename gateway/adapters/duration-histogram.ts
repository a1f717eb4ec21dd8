import type { Sample } from './metrics.js';

const BOUNDS_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];
const BUCKETS = [...BOUNDS_MS.map((ms) => String(ms / 1000)), '+Inf'];

/** Durations by size, counted in place: one array for the life of a series. */
export class DurationHistogram {
  readonly #counts = new Array<number>(BUCKETS.length).fill(0);
  #sumMs = 0;

  observe(ms: number): void {
    let bucket = 0;
    while (bucket < BOUNDS_MS.length && ms > (BOUNDS_MS[bucket] ?? 0)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sumMs += ms;
  }

  /** In seconds, as Prometheus has it: each bucket holds the ones below it. */
  samples(name: string, labels: Readonly<Record<string, string>>): Sample[] {
    let total = 0;
    const buckets = BUCKETS.map((le, index) => {
      total += this.#counts[index] ?? 0;
      return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: total };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: this.#sumMs / 1000 },
      { metricName: `${name}_count`, labels, value: total },
    ];
  }
}
