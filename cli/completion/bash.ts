import type { CompletedCommand } from './command-table.js';
import { quoted, valueCases } from './shell-text.js';

/** For `source <(gatehouse completion bash)`. Where nothing else is known, file names are offered. */
export function bashCompletion(table: readonly CompletedCommand[]): string {
  const wordCases = table.map(({ name, words, options }) => {
    const all = [...words.map(({ word }) => word), ...options.flatMap(({ flags }) => flags)];
    return `    ${quoted(name)}) words=${quoted(all.join(' '))} ;;`;
  });
  return [
    '_gatehouse() {',
    `  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} at= words= next i`,
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    `    next="\${at:+$at }\${COMP_WORDS[i]}"`,
    `    case "$next" in ${commandNames(table)}) at=$next ;; esac`,
    '  done',
    '  COMPREPLY=()',
    '  case "$at|$before" in',
    ...valueCases(
      table,
      (choices) => `COMPREPLY=($(compgen -W ${quoted(choices.join(' '))} -- "$word")); return`,
      'return',
    ),
    '  esac',
    '  case "$at" in',
    ...wordCases,
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$word"))',
    '}',
    'complete -o default -F _gatehouse gatehouse',
  ].join('\n');
}

const commandNames = (table: readonly CompletedCommand[]): string =>
  table
    .filter(({ name }) => name !== '')
    .map(({ name }) => quoted(name))
    .join('|');
