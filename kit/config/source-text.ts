import type { ConfigPlace } from './config-problem.js';

/** A stretch of the text, from its first character to behind its last. */
export interface Range {
  start: number;
  end: number;
}

/** The text of one file, and where in it an offset is. */
export class SourceText {
  readonly file: string;
  readonly text: string;
  readonly #lineStarts: number[] = [0];

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1))
      this.#lineStarts.push(at + 1);
  }

  get lines(): number {
    return this.#lineStarts.length;
  }

  /** Where a line begins, and behind its last character; `line` from 1. */
  rangeOf(line: number): Range {
    const start = this.#lineStarts[line - 1] ?? this.text.length;
    const next = this.#lineStarts[line];
    const end = next === undefined ? this.text.length : next - 1;
    return { start, end: end > start && this.text[end - 1] === '\r' ? end - 1 : end };
  }

  /** A range that goes on is marked on its first line. */
  place({ start, end }: Range): ConfigPlace {
    const line = this.#lineAt(start);
    const onLine = this.rangeOf(line);
    const column = Math.max(start - onLine.start, 0) + 1;
    const endColumn = Math.min(Math.max(end, start + 1), Math.max(onLine.end, start + 1)) - onLine.start + 1;
    return { file: this.file, line, column, endColumn };
  }

  #lineAt(offset: number): number {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  }
}
