import type { CompletedCommand } from './command-table.js';

/** One word of bash or zsh. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Branches of a `case "$at|$before"`: what follows an option that takes a value. */
export function valueCases(
  table: readonly CompletedCommand[],
  ofChoices: (choices: readonly string[]) => string,
  otherwise: string,
): string[] {
  const free: string[] = [];
  const cases: string[] = [];
  for (const { name, options } of table) {
    for (const { flags, takesValue, choices } of options) {
      const patterns = flags.map((flag) => quoted(`${name}|${flag}`));
      if (choices.length > 0) cases.push(`    ${patterns.join('|')}) ${ofChoices(choices)} ;;`);
      else if (takesValue) free.push(...patterns);
    }
  }
  return free.length === 0 ? cases : [...cases, `    ${free.join('|')}) ${otherwise} ;;`];
}
