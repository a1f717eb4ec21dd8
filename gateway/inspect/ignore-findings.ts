import { Type } from 'typebox';
import { closest } from '../../kit/closest.js';
import { readConfigFile } from '../../kit/config-file.js';
import type { OfflineGateway } from '../offline-explain.js';
import { lintComments } from './lint-comments.js';
import { LINT_RULES, type LintFinding } from './lint-finding.js';

const closed = { additionalProperties: false };
const Text = Type.String({ minLength: 1 });

const IgnoreSchema = Type.Object(
  {
    ignore: Type.Array(
      Type.Object(
        {
          rule: Text,
          where: Type.Optional(
            Type.String({ minLength: 1, description: 'a route as it is shown; default: all' }),
          ),
          reason: Type.String({ minLength: 1, description: 'why it is accepted, for the next reader' }),
        },
        closed,
      ),
    ),
  },
  closed,
);

export interface LintReport {
  findings: LintFinding[];
  /** How many are accepted. */
  ignored: number;
  /** What accepts nothing, each with its place and what to do. */
  stale: string[];
}

/** What says that a finding is accepted: a comment in the config, or an entry of the list. */
interface Ignore {
  at: string;
  rule: string;
  /** In words, for where nothing is found. */
  where: string;
  accepts(finding: LintFinding): boolean;
}

/**
 * Leaves out what comments beside the config and a list accept. Without a file there is no list. Throws ConfigError for
 * one that is wrong in form.
 */
export function ignoreFindings(
  findings: readonly LintFinding[],
  { options }: OfflineGateway,
  file: string | undefined,
): LintReport {
  const comments = lintComments(options);
  const reasoned = comments.filter(({ reason, rules }) => reason !== '' && rules.length > 0);
  const ignores: Ignore[] = [
    ...reasoned.flatMap(({ rules, at, about }) =>
      rules.map((rule) => ({
        at,
        rule,
        where: 'here',
        accepts: (finding: LintFinding) => rule === finding.rule && about === finding.source,
      })),
    ),
    ...(file === undefined ? [] : listed(file)),
  ];
  const left = findings.filter((finding) => !ignores.some((ignore) => ignore.accepts(finding)));
  const vain = ignores.filter((ignore) => !findings.some((finding) => ignore.accepts(finding)));
  return {
    findings: left,
    ignored: findings.length - left.length,
    stale: [
      ...comments
        .filter((comment) => !reasoned.includes(comment))
        .map(({ at }) => `${at}: write it as # lint-ignore: RULE — REASON`),
      ...vain.map(describeVain),
    ],
  };
}

function listed(file: string): Ignore[] {
  return readConfigFile(file, IgnoreSchema, {}).value.ignore.map(({ rule, where }) => ({
    at: file,
    rule,
    where: where === undefined ? 'anywhere' : `at ${where}`,
    accepts: (finding) => rule === finding.rule && (where === undefined || where === finding.where),
  }));
}

function describeVain({ at, rule, where }: Ignore): string {
  const rules = Object.keys(LINT_RULES);
  if (rules.includes(rule)) return `${at}: there is no ${rule} ${where}: remove the ignore`;
  const guess = closest(rule, rules);
  return `${at}: there is no rule ${rule}${guess === undefined ? '' : `: did you mean ${guess}?`}`;
}
