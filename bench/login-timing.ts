/**
 * Does the time of a refused login tell whether the account exists? Medians of tries with a known and an unknown
 * account, a fresh account and a fresh address for each try, in turns, against the real service over mTLS with a real
 * PostgreSQL. Says so when the medians differ by more than 2 %, or the answers do at all, and ends with 1 then.
 * `node --import tsx bench/login-timing.ts [tries of each]`
 */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { MtlsResponse } from '../test/fixtures/mtls-request.js';
import { testDatabase } from '../test/fixtures/postgres.js';
import { testAuthService, USER } from '../test/fixtures/test-auth-service.js';

const TRIES = Number(process.argv[2] ?? 500);
const WARM_UP = 20;
const LIMIT = 0.02;

const stops: (() => unknown)[] = [];
const t = { teardown: (stop: () => unknown) => void stops.push(stop) };
const databaseUrl = await testDatabase(t);
const auth = await testAuthService(t, { databaseUrl });

/** Accounts that differ from USER in their address alone: no two tries touch the same row. */
async function makeAccounts(count: number): Promise<string[]> {
  const emails = Array.from({ length: count }, () => `${randomBytes(8).toString('hex')}@example.test`);
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(
    `INSERT INTO users (id, email, password_hash, status, roles, scopes, created_at, updated_at)
     SELECT gen_random_uuid(), made.email, u.password_hash, u.status, u.roles, u.scopes, now(), now()
     FROM unnest($1::text[]) AS made (email), users u WHERE u.email = $2`,
    [emails, USER.email],
  );
  await client.end();
  return emails;
}

let tries = 0;
async function login(email: string): Promise<{ ms: number; answer: MtlsResponse }> {
  const n = ++tries;
  const headers = { 'x-forwarded-for': `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}` };
  const startedAt = performance.now();
  const answer = await auth.post('/auth/login', { email, password: 'not the password of anybody' }, headers);
  return { ms: performance.now() - startedAt, answer };
}

const body = ({ status, text }: MtlsResponse): string =>
  `${status} ${text.replace(/"request_id":"[^"]*"/, '')}`;
const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const known = await makeAccounts(TRIES + WARM_UP);
const unknown = Array.from(
  { length: TRIES + WARM_UP },
  () => `${randomBytes(8).toString('hex')}@example.test`,
);
const times = { known: [] as number[], unknown: [] as number[] };
const bodies = new Set<string>();
for (let i = 0; i < TRIES + WARM_UP; i++) {
  const pair = [
    ['known', known[i] ?? ''],
    ['unknown', unknown[i] ?? ''],
  ] as const;
  for (const [kind, email] of i % 2 === 0 ? pair : [...pair].reverse()) {
    const { ms, answer } = await login(email);
    bodies.add(body(answer));
    if (i >= WARM_UP) times[kind].push(ms);
  }
}
for (const stop of stops.reverse()) await stop();

const [knownMs, unknownMs] = [median(times.known), median(times.unknown)];
const difference = unknownMs / knownMs - 1;
console.log(`known    median ${knownMs.toFixed(3)} ms of ${TRIES} tries`);
console.log(`unknown  median ${unknownMs.toFixed(3)} ms of ${TRIES} tries`);
// On a machine with other work medians wander; what a pair met it met together, so its difference wanders less.
const ofPairs = median(times.known.map((ms, pair) => (times.unknown[pair] ?? Number.NaN) - ms));
console.log(`of pairs   ${((ofPairs / knownMs) * 100).toFixed(2)} %, the median of unknown less known`);
console.log(
  `difference ${(difference * 100).toFixed(2)} %, ${bodies.size} kind(s) of answer: ${[...bodies].join(' | ')}`,
);
process.exitCode = Math.abs(difference) <= LIMIT && bodies.size === 1 ? 0 : 1;
