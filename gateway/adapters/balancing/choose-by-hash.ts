/** What a caller is told from others by. */
export type HashOn = 'subject' | 'address';

/** Whose request it is. */
export interface HasCaller {
  /** Names the caller; absent for what is nobody's in particular. Never logged. */
  callerKey?(on: HashOn): string;
}

/** What a target is ranked by. */
export interface Ranked {
  readonly weight: number;
  /** By {@link hashText}, of what names the target at every gateway and after every start. */
  readonly hash: number;
}

/**
 * 32 bits: FNV-1a over UTF-16 units, then mixed. Not a defence: whoever makes up keys that meet at one target could as
 * well send as many requests with one key.
 */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mix(hash);
}

/**
 * The first in the order that a caller's `key` puts the targets in: weighted rendezvous hashing. The score of a target
 * depends on nobody but the two, so one that is taken away moves its own callers only, each to the next in their order.
 * `partOf`: how much of a target's weight counts.
 */
export function firstInOrder<T extends Ranked>(
  targets: readonly T[],
  key: number,
  partOf: (target: T) => number = () => 1,
): T | undefined {
  let first: T | undefined;
  let best = Number.NEGATIVE_INFINITY;
  for (const target of targets) {
    // Below 1, so that the logarithm is below 0; of 0 it makes the lowest score.
    const score = (target.weight * partOf(target)) / -Math.log(mix(key ^ target.hash) / 2 ** 32);
    if (score <= best) continue;
    first = target;
    best = score;
  }
  return first;
}

/** MurmurHash3's finalizer: each bit of the input changes about half of the output's. */
function mix(bits: number): number {
  let mixed = bits ^ (bits >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
