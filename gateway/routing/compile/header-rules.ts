import type { HeaderList } from '../../pipeline/ports.js';

interface Rules {
  set?: Record<string, string>;
  remove?: readonly string[];
}

/** As a header list. */
export function headersSet({ set = {} }: Rules = {}): HeaderList {
  return Object.entries(set).flatMap(([name, value]) => [name.toLowerCase(), value]);
}

/** Lower-case names of what others sent and is not passed on. */
export function headersReplaced({ set = {}, remove = [] }: Rules = {}): string[] {
  return [...Object.keys(set), ...remove].map((name) => name.toLowerCase());
}
