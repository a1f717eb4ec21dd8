import type { Command } from 'commander';
import type { KeySetReport, KeySetStatus } from '../contracts/admin-api.js';
import { askGateway, type GatewayAdminOptions, withGatewayAdmin } from './gateway-admin.js';
import { cell, printAnswer, table } from './print.js';

/** `gatehouse jwks`: the issuers of a running gateway and the keys that it holds of each. */
export function addJwksCommand(program: Command): void {
  withGatewayAdmin(program.command('jwks'))
    .description("the issuers' public keys that a gateway holds, and how fresh they are")
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', '\nExample:\n  gatehouse jwks --admin http://127.0.0.1:9901')
    .action(async (options: GatewayAdminOptions & { json?: boolean }) => {
      printAnswer(options, await askGateway<KeySetReport>(options, 'GET', '/jwks'), asText);
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
