import { dirname, resolve } from 'node:path';
import type { Explanation } from '../../contracts/admin-explain.js';
import { type Env, readConfigFile } from '../../kit/config-file.js';
import { StartupError } from '../../kit/startup-error.js';
import { offlineGateway } from '../offline-explain.js';
import { loadGatewayConfig } from '../options.js';
import { type Expectation, ExpectationsSchema, readExpectation } from './expectation.js';

export interface ExpectationResult {
  text: string;
  /** `file:line` */
  source: string;
  /** Each with what was expected and what would happen; empty when it holds. */
  differences: string[];
}

export interface ExpectationReport {
  config: string;
  results: ExpectationResult[];
  /** Routes that no request of the file came to, by id. */
  untested: string[];
}

/**
 * Holds a config to the expectations of a file, by what `explain` says. The file names its config, relative to itself;
 * `configPath` takes its place. Throws ConfigError for what is wrong with either.
 */
export async function runExpectations(
  file: string,
  configPath: string | undefined,
  env: Env,
): Promise<ExpectationReport> {
  const expectations = readConfigFile(file, ExpectationsSchema, {});
  const path = configPath ?? resolve(dirname(file), expectations.value.config ?? 'gateway.yaml');
  const gateway = await offlineGateway(loadGatewayConfig(path, env));
  const reached = new Set<string>();
  const results: ExpectationResult[] = [];
  for (const [index, item] of expectations.value.tests.entries()) {
    const { line } = expectations.place(['tests', index]);
    const source = `${file}:${line}`;
    const expectation = readExpectation(item);
    if (expectation === undefined) {
      const form = 'METHOD PATH [as {…}] → STATUS [code], or → 200 from UPSTREAM';
      throw new StartupError(`${source} is no expectation: write it as ${form}`);
    }
    const { method, url, headers, as } = expectation;
    const explained = await gateway.explain({ method, url, headers, ...(as === undefined ? {} : { as }) });
    if (explained.route !== null) reached.add(explained.route.source);
    results.push({ text: expectation.text, source, differences: compare(expectation, explained) });
  }
  const untested = gateway.snapshot.routes.all
    .filter(({ source }) => !reached.has(source))
    .map(({ id }) => id);
  return { config: path, results, untested };
}

function compare(expected: Expectation, { verdict, route, headers }: Explanation): string[] {
  const differences: string[] = [];
  const check = (what: string, wanted: unknown, found: unknown): void => {
    if (wanted !== undefined && wanted !== found)
      differences.push(`${what}: expected ${String(wanted)}, found ${String(found ?? 'none')}`);
  };
  const isForwarded = verdict.outcome === 'forwarded';
  const happens = isForwarded
    ? `forwarded to ${route?.upstream ?? ''}`
    : [verdict.status, verdict.code].filter((part) => part !== null).join(' ');
  if (expected.from !== undefined) check('outcome', `forwarded to ${expected.from}`, happens);
  else if (expected.code !== undefined) check('outcome', `${expected.status} ${expected.code}`, happens);
  else check('status', expected.status, isForwarded ? happens : verdict.status);
  check('route', expected.route, route?.id);
  const sends = route?.sends ?? null;
  check('sends', expected.sends, sends === null ? undefined : `${sends.method} ${sends.path}`);
  for (const [name, wanted] of Object.entries(expected.upstreamHeaders)) {
    const [, found] = headers.upstream.find(([sent]) => sent === name.toLowerCase()) ?? [];
    check(`header ${name}`, wanted ?? 'none', found ?? 'none');
  }
  return differences;
}
