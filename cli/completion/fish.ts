import type { CompletedCommand, CompletedOption } from './command-table.js';

/** For `gatehouse completion fish | source`. */
export function fishCompletion(table: readonly CompletedCommand[]): string {
  const names = table.filter(({ name }) => name !== '').map(({ name }) => quoted(name));
  return [
    'function __gatehouse_at',
    "    set -l at ''",
    '    for word in (commandline -opc)[2..-1]',
    '        set -l next (string trim -- "$at $word")',
    `        contains -- $next ${names.join(' ')}; and set at $next`,
    '    end',
    '    test "$at" = "$argv[1]"',
    'end',
    ...table.flatMap(({ name, words, options }) => {
      const complete = `complete -c gatehouse -n ${quoted(`__gatehouse_at ${quoted(name)}`)}`;
      return [
        ...words.map(
          ({ word, description }) => `${complete} -f -a ${quoted(word)} -d ${quoted(description)}`,
        ),
        ...options.map((option) => `${complete} ${optionText(option)}`),
      ];
    }),
  ].join('\n');
}

function optionText({ flags, description, takesValue, choices }: CompletedOption): string {
  const named = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const value = choices.length > 0 ? [`-x -a ${quoted(choices.join(' '))}`] : takesValue ? ['-r'] : [];
  return [...named, ...value, `-d ${quoted(description)}`].join(' ');
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
