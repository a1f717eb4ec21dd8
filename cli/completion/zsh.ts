import type { CompletedCommand } from './command-table.js';
import { quoted, valueCases } from './shell-text.js';

/** A file `_gatehouse` of `$fpath`, or for `source <(gatehouse completion zsh)`. */
export function zshCompletion(table: readonly CompletedCommand[]): string {
  const names = table.filter(({ name }) => name !== '').map(({ name }) => quoted(name));
  const described = ({ words, options }: CompletedCommand): string =>
    [
      ...words.map(({ word, description }) => [word, description] as const),
      ...options.flatMap(({ flags, description }) => flags.map((flag) => [flag, description] as const)),
    ]
      .map(([word, description]) => quoted(`${word.replaceAll(':', '\\:')}:${description}`))
      .join(' ');
  return [
    '#compdef gatehouse',
    '_gatehouse() {',
    // `path` would be $PATH here.
    `  local at= word next before=\${words[CURRENT-1]}`,
    '  local -a candidates',
    `  for word in \${words[2,CURRENT-1]}; do`,
    `    next="\${at:+$at }$word"`,
    `    case "$next" in (${names.join('|')}) at=$next ;; esac`,
    '  done',
    '  case "$at|$before" in',
    ...valueCases(
      table,
      (choices) => `compadd -- ${choices.map(quoted).join(' ')}; return`,
      '_files; return',
    ),
    '  esac',
    '  case "$at" in',
    ...table.map((command) => `    ${quoted(command.name)}) candidates=(${described(command)}) ;;`),
    '  esac',
    "  _describe 'gatehouse' candidates || _files",
    '}',
    `if [[ \${funcstack[1]} == _gatehouse ]]; then _gatehouse "$@"; else compdef _gatehouse gatehouse; fi`,
  ].join('\n');
}
