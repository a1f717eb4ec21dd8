import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CONFIG_PROBLEMS, type ConfigCode, configProblemSpec } from '../../contracts/config-problems.js';
import type { ConfigProblem } from '../../kit/config-file.js';

/** SARIF 2.1.0 (OASIS): what code review tools and editors take findings in. */
export function sarifLog(problems: readonly ConfigProblem[]): object {
  const codes = Object.keys(CONFIG_PROBLEMS) as ConfigCode[];
  return {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'gatehouse', rules: codes.map(rule) } },
        columnKind: 'utf16CodeUnits',
        results: problems.map((problem) => result(problem, codes)),
      },
    ],
  };
}

function rule(code: ConfigCode): object {
  const { severity, meaning, remedy } = configProblemSpec(code);
  return {
    id: code,
    shortDescription: { text: meaning },
    help: { text: remedy },
    defaultConfiguration: { level: severity },
  };
}

function result(
  { file, line, column, endColumn, code, message }: ConfigProblem,
  codes: ConfigCode[],
): object {
  const region = { startLine: line, startColumn: column, ...(endColumn === undefined ? {} : { endColumn }) };
  return {
    ruleId: code,
    ruleIndex: codes.indexOf(code),
    level: configProblemSpec(code).severity,
    message: { text: message },
    locations: [{ physicalLocation: { artifactLocation: { uri: uriOf(file) }, region } }],
  };
}

/** Relative to where the command ran, as code review wants it, unless the path is absolute. */
const uriOf = (file: string): string =>
  isAbsolute(file)
    ? pathToFileURL(file).href
    : file
        .split(/[\\/]/)
        .map((part) => encodeURIComponent(part))
        .join('/');
