import type { Command } from 'commander';

export interface CompletedCommand {
  /** `config show`; empty for `gatehouse` itself. */
  name: string;
  /** What may follow: subcommands and the choices of arguments. */
  words: { word: string; description: string }[];
  options: CompletedOption[];
}

export interface CompletedOption {
  /** `--config`, `-H` */
  flags: string[];
  description: string;
  /** What follows is its value: one of the choices, or anything; perhaps a file. */
  takesValue: boolean;
  choices: readonly string[];
}

/** Every command as its help shows it. */
export function commandTable(command: Command, name = ''): CompletedCommand[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command);
  const nameOf = (sub: string): string => `${name} ${sub}`.trim();
  return [
    {
      name,
      words: [
        ...commands.map((sub) => ({ word: sub.name(), description: firstLine(sub.description()) })),
        ...command.registeredArguments.flatMap(({ argChoices = [], description }) =>
          argChoices.map((word) => ({ word, description: firstLine(description) })),
        ),
      ],
      options: help
        .visibleOptions(command)
        .map(({ long, short, description, required, optional, argChoices }) => ({
          flags: [long, short].filter((flag) => typeof flag === 'string'),
          description: firstLine(description),
          takesValue: required || optional,
          choices: argChoices ?? [],
        })),
    },
    ...commands
      .flatMap((sub) => commandTable(sub, nameOf(sub.name())))
      .filter(({ name: at }) => !/^(.* )?help$/.test(at)),
  ];
}

const firstLine = (text: string): string => text.split('\n')[0] ?? '';
