import type { ConfigPlace } from './config-problem.js';
import type { Range, SourceText } from './source-text.js';

const BLOT = '***';
const MAX_WIDTH = 160;

/** The line of a place with one line on either side and a mark below it; what lies in `hidden` is blotted out. */
export function codeFrame(source: SourceText, place: ConfigPlace, hidden: readonly Range[]): string {
  const first = Math.max(place.line - 1, 1);
  const last = Math.min(place.line + 1, source.lines);
  const width = String(last).length;
  const frame: string[] = [];
  const marked = blot(source.text, source.rangeOf(place.line), hidden);
  const mark = marked.columnOf(place.column);
  const from = marked.text.length > MAX_WIDTH ? Math.max(mark - MAX_WIDTH / 2, 0) : 0;
  for (let number = first; number <= last; number++) {
    const line = source.rangeOf(number);
    const isMarked = number === place.line;
    // The empty line behind the last line break is nobody's line.
    if (number === source.lines && line.start === line.end && !isMarked) continue;
    const { text } = isMarked ? marked : blot(source.text, line, hidden);
    const gutter = `${isMarked ? '>' : ' '} ${String(number).padStart(width)} |`;
    frame.push(`${gutter} ${printable(text.slice(from, from + MAX_WIDTH))}`.trimEnd());
    if (!isMarked) continue;
    const end = Math.min(marked.columnOf(place.endColumn ?? place.column + 1), from + MAX_WIDTH);
    const carets = ' '.repeat(mark - from) + '^'.repeat(Math.max(end - mark, 1));
    frame.push(`${' '.repeat(gutter.length - 1)}| ${carets}`);
  }
  return frame.join('\n');
}

/** A line without its secrets, and where its columns (from 1) have gone (from 0). */
function blot(
  text: string,
  line: Range,
  hidden: readonly Range[],
): { text: string; columnOf: (column: number) => number } {
  let shown = '';
  const columns: number[] = [];
  let isBlotted = false;
  for (let offset = line.start; offset < line.end; offset++) {
    const isHidden = hidden.some(({ start, end }) => offset >= start && offset < end);
    if (isHidden && !isBlotted) shown += BLOT;
    columns.push(isHidden ? shown.length - BLOT.length : shown.length);
    if (!isHidden) shown += text[offset] ?? '';
    isBlotted = isHidden;
  }
  return { text: shown, columnOf: (column) => columns[column - 1] ?? shown.length };
}

/** Nothing from a file may steer the terminal, and each character keeps its column. */
export const printable = (text: string): string =>
  text.replaceAll('\t', '\u2192').replaceAll(/[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu, '\u00B7');
