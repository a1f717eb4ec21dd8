import { terminal } from './terminal.js';

/** Standard output of commands: JSON for programs, text for people. */

/** Exit code of something that is durable but has not reached everyone yet. */
export const EXIT_PENDING = 3;

export function print(line: string): void {
  terminal().write(`${line}\n`);
}

/** The answer as it came, or what `asText` makes of it. */
export function printAnswer<T>(options: { json?: boolean }, body: T, asText: (body: T) => string): void {
  print(options.json === true ? JSON.stringify(body, null, 2) : asText(body));
}

/** Says that something is done, and ends with {@link EXIT_PENDING} where not every gateway knows yet. */
export function printEnding(options: { json?: boolean }, body: object, done: string): void {
  const isPending = 'pending' in body;
  printAnswer(options, body, () => (isPending ? `${done}; not every gateway knows yet` : done));
  if (isPending) terminal().exitCode = EXIT_PENDING;
}

export const PENDING_HELP = `\nExit code ${EXIT_PENDING}: done, but not every gateway knows yet; the service goes on telling them.`;

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
