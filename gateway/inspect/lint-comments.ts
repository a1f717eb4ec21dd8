import { Lexer } from 'yaml';
import type { ConfigPath } from '../../kit/config-file.js';
import type { GatewayConfigFile } from '../options.js';

/** `# lint-ignore: RULE[, RULE] — REASON` */
export interface LintComment {
  rules: string[];
  /** Empty when none is given. */
  reason: string;
  /** `file:line` of the comment itself. */
  at: string;
  /** `file:line` of the part of the config that it is about; undefined when it is about none. */
  about: string | undefined;
}

const FORM = /^#\s*lint-ignore:\s*([^—]*?)\s*(?:(?:—|\s--)\s*(.*?)\s*)?$/;

/**
 * Comments that accept findings: at the end of a line, about what begins there or goes on there; alone on a line, about
 * what begins on the next one that is no comment.
 */
export function lintComments(options: GatewayConfigFile): LintComment[] {
  const starts = startsOf(options);
  return options.texts.flatMap(({ file, text }) => {
    const lines = text.split('\n');
    return commentsOf(text).flatMap(({ line, comment }): LintComment[] => {
      const [, rules, reason = ''] = FORM.exec(comment) ?? [];
      if (rules === undefined) return [];
      const start = (starts.get(file) ?? []).findLast((begun) => begun <= targetOf(line, lines));
      return [
        {
          rules: rules.split(/[\s,]+/).filter((rule) => rule !== ''),
          reason,
          at: `${file}:${line}`,
          about: start === undefined ? undefined : `${file}:${start}`,
        },
      ];
    });
  });
}

function commentsOf(text: string): { line: number; comment: string }[] {
  const comments: { line: number; comment: string }[] = [];
  let line = 1;
  // No other lexeme begins so: a plain scalar may not, a quoted one has its quote, a block its indentation.
  for (const lexeme of new Lexer().lex(text)) {
    if (lexeme.startsWith('#')) comments.push({ line, comment: lexeme.trimEnd() });
    line += lexeme.split('\n').length - 1;
  }
  return comments;
}

function targetOf(line: number, lines: readonly string[]): number {
  let target = line;
  while (/^\s*#/.test(lines[target - 1] ?? '')) target += 1;
  return target;
}

/** The lines where a finding may be, and where what comes after it begins, of each file in order. */
function startsOf({ value, place }: GatewayConfigFile): Map<string, number[]> {
  const starts = new Map<string, number[]>();
  const add = (path: ConfigPath): void => {
    const { file, line } = place(path);
    starts.set(file, [...(starts.get(file) ?? []), line]);
  };
  for (const [name, section] of Object.entries(value)) {
    add([name]);
    if (Array.isArray(section)) for (const index of section.keys()) add([name, index]);
    else if (typeof section === 'object') for (const key of Object.keys(section)) add([name, key]);
  }
  for (const lines of starts.values()) lines.sort((one, other) => one - other);
  return starts;
}
