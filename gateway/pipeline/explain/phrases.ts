/** Texts that several steps share. */

export const listed = (items: readonly string[]): string => (items.length === 0 ? 'none' : items.join(', '));

/** `3 s ago` */
export const describeAge = (ms: number): string => `${duration(ms)} ago`;

/** A time from now, either way: `in 15 min`, `2 h ago`. */
export const describeLater = (ms: number): string =>
  ms >= 0 ? `in ${duration(ms)}` : `${duration(-ms)} ago`;

function duration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}
