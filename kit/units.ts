/** Durations and sizes as people write them in config: `250ms`, `10s`, `5m`, `24h`, `30d`; `512B`, `64KiB`, `10MiB`, `2GiB`. */

const DURATION_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const SIZE_BYTES = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

export const DURATION_PATTERN = '^(0|[1-9][0-9]*)(ms|s|m|h|d)$';
export const SIZE_PATTERN = '^(0|[1-9][0-9]*)(B|KiB|MiB|GiB)$';

/** Milliseconds, or undefined when the text is no duration. */
export function parseDurationMs(text: string): number | undefined {
  return parseWithUnit(text, DURATION_PATTERN, DURATION_MS);
}

/** Bytes, or undefined when the text is no size. */
export function parseSizeBytes(text: string): number | undefined {
  return parseWithUnit(text, SIZE_PATTERN, SIZE_BYTES);
}

/** For text that a schema has already checked against {@link DURATION_PATTERN}. */
export function durationMs(text: string): number {
  const parsed = parseDurationMs(text);
  if (parsed === undefined) throw new RangeError('not a duration');
  return parsed;
}

/** For text that a schema has already checked against {@link SIZE_PATTERN}. */
export function sizeBytes(text: string): number {
  const parsed = parseSizeBytes(text);
  if (parsed === undefined) throw new RangeError('not a size');
  return parsed;
}

/** As config writes it, in the largest unit that it is a whole number of: `5m`, `1500ms`. */
export const showDuration = (ms: number): string => showWithUnit(ms, DURATION_MS);

/** As config writes it: `1MiB`, `1500B`. */
export const showSize = (bytes: number): string => showWithUnit(bytes, SIZE_BYTES);

function showWithUnit(value: number, units: Readonly<Record<string, number>>): string {
  const all = Object.entries(units);
  const [name, factor] = all.findLast(([, size]) => value > 0 && value % size === 0) ?? all[0] ?? ['', 1];
  return `${value / factor}${name}`;
}

function parseWithUnit(
  text: string,
  pattern: string,
  units: Readonly<Record<string, number>>,
): number | undefined {
  const match = new RegExp(pattern).exec(text);
  if (match === null) return undefined;
  const factor = units[match[2] ?? ''];
  const value = Number(match[1]) * (factor ?? Number.NaN);
  return Number.isSafeInteger(value) ? value : undefined;
}
