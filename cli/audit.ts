import { setTimeout as delay } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { type AdminAudit, type AdminAuditRecord, MAX_AUDIT_PAGE } from '../contracts/admin-audit.js';
import { parseDurationMs } from '../kit/units.js';
import { type AdminClient, type AdminOptions, openAdminClient, withAdminOptions } from './admin-client.js';
import { cell, print } from './print.js';

interface AuditOptions extends AdminOptions {
  /** ISO 8601. */
  since?: string;
  subject?: string;
  kind?: string;
  follow?: boolean;
}

const FOLLOW_INTERVAL_MS = 1000;
/** Records become visible in the order of commits, and numbers are given out before: how far back to look again. */
const LOOK_BACK = 200;

/** `gatehouse audit`: what has happened, over the auth service's admin API. */
export function addAuditCommand(program: Command): void {
  withAdminOptions(program.command('audit'))
    .description('logins, revocations and changes of keys and accounts; without --since the latest hundred')
    .option('--since <time>', 'a duration such as 24h, or ISO 8601', since)
    .option('--subject <id>', 'only what happened to this account or service')
    .option('--kind <name>', 'only this kind, such as session, session.login, account, key, revocation')
    .option('--follow', 'go on with what happens from now on')
    .addHelpText(
      'after',
      '\nWith --json one record a line.' +
        '\n\nExamples:\n  gatehouse audit --since 24h --kind session.login-failed\n  gatehouse audit --follow --json',
    )
    .action(audit);
}

async function audit({ follow, since: from, subject, kind, ...options }: AuditOptions): Promise<void> {
  const client = openAdminClient(options);
  const filter = { ...(subject !== undefined && { subject }), ...(kind !== undefined && { kind }) };
  const show = (records: readonly AdminAuditRecord[]): void => {
    for (const record of records) print(options.json === true ? JSON.stringify(record) : lineOf(record));
  };
  const shown = await showPast(client, { ...filter, ...(from !== undefined && { since: from }) }, show);
  if (follow === true) await followOn(client, filter, shown, show);
}

type Show = (records: readonly AdminAuditRecord[]) => void;
type Filter = Record<string, string>;

/** Returns the ids of the last records that were shown. */
async function showPast(client: AdminClient, filter: Filter, show: Show): Promise<number[]> {
  let ids: number[] = [];
  let page = await read(client, filter);
  for (;;) {
    show(page.records);
    ids = [...ids, ...page.records.map(({ id }) => id)].slice(-LOOK_BACK);
    if (filter['since'] === undefined || page.next === null) return ids;
    page = await read(client, { ...filter, after: String(page.next) });
  }
}

async function followOn(client: AdminClient, filter: Filter, shown: number[], show: Show): Promise<never> {
  let ids = shown;
  for (;;) {
    await delay(FOLLOW_INTERVAL_MS);
    const last = ids.at(-1) ?? 0;
    const { records } = await read(client, { ...filter, after: String(Math.max(0, last - LOOK_BACK)) });
    const fresh = records.filter(({ id }) => !ids.includes(id) && id > (ids[0] ?? 0));
    show(fresh);
    ids = [...ids, ...fresh.map(({ id }) => id)].sort((a, b) => a - b).slice(-LOOK_BACK);
  }
}

async function read(client: AdminClient, filter: Filter): Promise<AdminAudit> {
  const isPaged = 'since' in filter || 'after' in filter;
  const query = new URLSearchParams({ ...filter, ...(isPaged && { limit: String(MAX_AUDIT_PAGE) }) });
  const { body } = await client.call<AdminAudit>('GET', `/audit?${query}`);
  return body;
}

function lineOf({
  at,
  action,
  actor,
  subject,
  session_id,
  ip,
  request_id,
  detail,
}: AdminAuditRecord): string {
  const more = Object.entries({ subject, session: session_id, ip, request: request_id, ...detail })
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}=${cell(value)}`);
  return [at, action, `by ${cell(actor)}`, ...more].join('  ');
}

function since(value: string): string {
  const ms = parseDurationMs(value);
  const at = ms === undefined ? Date.parse(value) : Date.now() - ms;
  if (Number.isNaN(at))
    throw new InvalidArgumentError('a duration such as 24h, or a time such as 2026-05-04T12:00:00Z');
  return new Date(at).toISOString();
}
