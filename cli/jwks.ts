import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { KeySetReport, KeySetStatus } from '../contracts/admin-api.js';
import { StartupError } from '../kit/startup-error.js';
import { cell, printAnswer, table } from './print.js';

interface JwksOptions {
  admin?: string;
  json?: boolean;
}

const TIMEOUT_MS = 5000;

/** `gatehouse jwks`: the issuers of a running gateway and the keys that it holds of each. */
export function addJwksCommand(program: Command): void {
  program
    .command('jwks')
    .description("the issuers' public keys that a gateway holds, and how fresh they are")
    .option(
      '--admin <url>',
      "the gateway's admin listener (default: http://127.0.0.1 with ADMIN_PORT or 9901)",
    )
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', '\nExample:\n  gatehouse jwks --admin http://127.0.0.1:9901')
    .action(async (options: JwksOptions) => {
      const admin = options.admin ?? `http://127.0.0.1:${process.env['ADMIN_PORT'] || 9901}`;
      printAnswer(options, await askGateway(admin), asText);
    });
}

async function askGateway(admin: string): Promise<KeySetReport> {
  if (!URL.canParse(admin) || new URL(admin).protocol !== 'http:')
    throw new StartupError(`${admin} is not an http:// URL`);
  let answer: { status: number; body: string };
  try {
    answer = await get(new URL('/jwks', admin));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new StartupError(`the gateway's admin listener at ${admin} does not answer: ${message || code}`, {
      cause,
    });
  }
  if (answer.status !== 200)
    throw new StartupError(`the admin listener at ${admin} answered ${answer.status}`);
  return JSON.parse(answer.body) as KeySetReport;
}

function get(url: URL): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { timeout: TIMEOUT_MS, agent: false }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')));
    outgoing.on('error', reject);
    outgoing.end();
  });
}

function asText({ issuers }: KeySetReport): string {
  return issuers.length === 0 ? 'no issuers' : issuers.map(describe).join('\n\n');
}

function describe(set: KeySetStatus): string {
  const lines = [
    `${cell(set.name)}  ${cell(set.issuer)}`,
    `  from    ${cell(set.source)}`,
    `  state   ${state(set)}`,
  ];
  if (set.last_failure !== null)
    lines.push(`  failed  ${set.failures} times since, last: ${cell(set.last_failure)}`);
  const rows = [
    ...set.keys.map(({ kid, alg }) => [kid, alg, 'in force']),
    ...set.revoked.map((kid) => [kid, null, 'revoked']),
    ...set.ignored.map(({ kid, reason }) => [kid, null, `not used: ${reason}`]),
  ];
  if (rows.length > 0) lines.push(table(['KEY', 'ALG', ''], rows).replaceAll(/^/gm, '  '));
  return lines.join('\n');
}

function state({ available, age_ms, max_staleness_ms, next_refresh_ms }: KeySetStatus): string {
  if (age_ms === null) return 'no keys yet: its tokens get 503';
  const age = `${duration(age_ms)} old, good for ${duration(max_staleness_ms)}`;
  const next = next_refresh_ms === null ? 'being fetched' : `fetched again in ${duration(next_refresh_ms)}`;
  return `${available ? 'good' : 'not usable: its tokens get 503'}; ${age}; ${next}`;
}

function duration(ms: number): string {
  if (ms < 100_000) return `${Math.round(ms / 1000)} s`;
  if (ms < 100 * 60_000) return `${Math.round(ms / 60_000)} min`;
  return `${Math.round(ms / 3_600_000)} h`;
}
