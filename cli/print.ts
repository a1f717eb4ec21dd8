/** Standard output of commands: JSON for programs, text for people. */

/** Exit code of something that is durable but has not reached everyone yet. */
export const EXIT_PENDING = 3;

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** The answer as it came, or what `asText` makes of it. */
export function printAnswer<T>(options: { json?: boolean }, body: T, asText: (body: T) => string): void {
  print(options.json === true ? JSON.stringify(body, null, 2) : asText(body));
}

/** Columns under their headings; an empty cell is a dash. Control characters of data never reach the terminal. */
export function table(headings: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const cells = [headings, ...rows.map((row) => row.map(cell))];
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)));
  return cells
    .map((row) =>
      row
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** One value for a terminal. */
export function cell(value: unknown): string {
  if (value === undefined || value === null || value === '') return '-';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text.replaceAll(
    /\p{Cc}/gu,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
