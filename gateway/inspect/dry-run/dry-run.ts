import type { OfflineGateway } from '../../offline-explain.js';
import { readLogLine, type Skipped } from './logged-request.js';
import { type Replayed, replayer } from './replay-request.js';
import { CHANGES, type Change, type Side } from './side.js';

/** Requests that change alike. */
export interface DryRunGroup {
  change: Change;
  count: number;
  method: string;
  before: Side;
  after: Side;
  /** How the routes differ, where they do. */
  why: string[];
  /** The path of the first such request; null when it is refused. */
  example: string | null;
}

export interface DryRunReport {
  same: boolean;
  /** Of the lines, those that were put to both configs. */
  replayed: number;
  changed: number;
  /** The most dangerous first, then the most frequent. */
  groups: DryRunGroup[];
  /** Replayed, though the log names another route than the old config has for them. */
  odd: number;
  skipped: Record<Skipped, number>;
}

/** Results that are remembered; the oldest goes first. */
const REMEMBERED = 20_000;

/**
 * Replays an access log against two configs by what `explain` says, line by line: memory does not grow with the log.
 * Nothing is sent.
 */
export async function dryRun(
  lines: AsyncIterable<string>,
  before: OfflineGateway,
  after: OfflineGateway,
): Promise<DryRunReport> {
  const locate = replayer(before, after);
  const known = new Map<string, Replayed>();
  const groups = new Map<string, DryRunGroup>();
  const skipped: DryRunReport['skipped'] = { bad: 0, other: 0, no_path: 0, shortened: 0, preflight: 0 };
  let [replayed, odd] = [0, 0];
  for await (const line of lines) {
    const logged = readLogLine(line);
    if (typeof logged === 'string') {
      skipped[logged] += 1;
      continue;
    }
    const { key, isOdd, replay } = locate(logged);
    let result = known.get(key);
    if (result === undefined) {
      result = await replay();
      const [oldest] = known.keys();
      if (known.size >= REMEMBERED && oldest !== undefined) known.delete(oldest);
      known.set(key, result);
    }
    replayed += 1;
    if (isOdd) odd += 1;
    if (result.change !== undefined) count(groups, logged.method, result.change, result);
  }
  const order = CHANGES.map(([change]) => change);
  const sorted = [...groups.values()].sort(
    (a, b) => order.indexOf(a.change) - order.indexOf(b.change) || b.count - a.count,
  );
  const changed = sorted.reduce((sum, group) => sum + group.count, 0);
  return { same: changed === 0, replayed, changed, groups: sorted, odd, skipped };
}

function count(
  groups: Map<string, DryRunGroup>,
  method: string,
  change: Change,
  { before, after, why, path }: Replayed,
): void {
  const key = JSON.stringify([change, method, before, after]);
  const group = groups.get(key);
  if (group === undefined) groups.set(key, { change, count: 1, method, before, after, why, example: path });
  else group.count += 1;
}
