/** What a choice goes by. */
export interface Choosable {
  readonly weight: number;
  /** Requests under way. */
  readonly inFlight: number;
}

/** Random numbers from 0 up to and without 1. */
export type Random = () => number;

/** One of the targets, for each call; undefined where there are none. Takes as long for two targets as for two hundred. */
export type Choose<T> = () => T | undefined;

/**
 * The less busy of two that chance picks. A target that is slow or silent collects requests and so gets no more. Weights
 * are shares that hold exactly, also for a canary with one request in a thousand: chance picks the weight by its share,
 * and business decides only between targets of one weight.
 */
export function leastRequests<T extends Choosable>(targets: readonly T[], random: Random): Choose<T> {
  const weights = [...new Set(targets.map(({ weight }) => weight))];
  const groups = weights.map((weight) => {
    const members = targets.filter((target) => target.weight === weight);
    return { share: weight * members.length, choose: () => lessBusy(members, random) };
  });
  const [only] = groups;
  if (only === undefined || groups.length === 1) return () => only?.choose();
  const draw = weighted(groups, random);
  return () => draw().choose();
}

/** Two different ones: the same one twice would be as blind as no choice at all. */
function lessBusy<T extends Choosable>(targets: readonly T[], random: Random): T | undefined {
  const { length } = targets;
  if (length === 1) return targets[0];
  const one = Math.floor(random() * length);
  const other = (one + 1 + Math.floor(random() * (length - 1))) % length;
  const [first, second] = [targets[one], targets[other]];
  return first !== undefined && second !== undefined && second.inFlight < first.inFlight ? second : first;
}

/** Vose's alias method: each slot holds one item for part of it and another for the rest. */
function weighted<T extends { share: number }>(items: readonly T[], random: Random): () => T {
  const total = items.reduce((sum, { share }) => sum + share, 0);
  const slots = items.map((item) => ({ item, part: (item.share * items.length) / total, rest: item }));
  const small = slots.filter(({ part }) => part < 1);
  const large = slots.filter(({ part }) => part >= 1);
  for (let slot = small.pop(); slot !== undefined; slot = small.pop()) {
    const giver = large.pop();
    if (giver === undefined) break;
    slot.rest = giver.item;
    giver.part -= 1 - slot.part;
    (giver.part < 1 ? small : large).push(giver);
  }
  return () => {
    const at = random() * slots.length;
    const slot = slots[Math.floor(at)];
    if (slot === undefined) throw new Error('random() was out of bounds');
    return at % 1 < slot.part ? slot.item : slot.rest;
  };
}

/** Each in turn; those of greater weight more often, spread out evenly. `turn` is where to begin. */
export function roundRobin<T extends Choosable>(targets: readonly T[], turn: number): Choose<T> {
  const cycle = smoothCycle(targets);
  let next = turn;
  return () => cycle[next++ % cycle.length];
}

/** Smooth weighted round robin, as nginx has it: one round of it, written out. */
function smoothCycle<T extends Choosable>(targets: readonly T[]): T[] {
  const divisor = targets.reduce((gcd, { weight }) => greatestCommonDivisor(gcd, weight), 0);
  const all = targets.map((target) => ({ target, weight: target.weight / divisor, credit: 0 }));
  const total = all.reduce((sum, { weight }) => sum + weight, 0);
  return Array.from({ length: total }, () => {
    let best = all[0];
    for (const each of all) {
      each.credit += each.weight;
      if (best === undefined || each.credit > best.credit) best = each;
    }
    if (best === undefined) throw new Error('a cycle needs targets');
    best.credit -= total;
    return best.target;
  });
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
