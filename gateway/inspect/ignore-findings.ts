import { Type } from 'typebox';
import { readConfigFile } from '../../kit/config-file.js';
import type { LintFinding } from './lint-config.js';

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
  ignored: number;
  /** Entries of the list that accept nothing. */
  stale: string[];
}

/** Leaves out what a list accepts. Without a file nothing is. Throws ConfigError for a list that is wrong in form. */
export function ignoreFindings(findings: readonly LintFinding[], file: string | undefined): LintReport {
  const accepted = file === undefined ? [] : readConfigFile(file, IgnoreSchema, {}).value.ignore;
  const accepts = ({ rule, where }: { rule: string; where?: string }, finding: LintFinding): boolean =>
    rule === finding.rule && (where === undefined || where === finding.where);
  const left = findings.filter((finding) => !accepted.some((entry) => accepts(entry, finding)));
  const stale = accepted
    .filter((entry) => !findings.some((finding) => accepts(entry, finding)))
    .map(({ rule, where }) => (where === undefined ? rule : `${rule} at ${where}`));
  return { findings: left, ignored: findings.length - left.length, stale };
}
