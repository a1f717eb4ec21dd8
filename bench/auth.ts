/**
 * What a refresh and the key set cost the auth service, and what is left of that while logins keep argon2 busy: in turns
 * alone and beside logins, against the real service over mTLS with a real PostgreSQL. Service and callers share one
 * process, so all times contain the callers' part. `node --import tsx bench/auth.ts [rounds] [seconds]`
 */
import { randomBytes } from 'node:crypto';
import { Agent } from 'node:https';
import pg from 'pg';
import { WELL_KNOWN } from '../contracts/well-known.js';
import { type MtlsResponse, mtlsRequest } from '../test/fixtures/mtls-request.js';
import { testDatabase } from '../test/fixtures/postgres.js';
import { testAuthService, USER } from '../test/fixtures/test-auth-service.js';
import { ratios, spread } from './compare/statistics.js';

const ROUNDS = Number(process.argv[2] ?? 5);
const SECONDS = Number(process.argv[3] ?? 4);
const REFRESHERS = 8;
/** More than are hashed at a time, and than wait behind them: some are refused. */
const LOGINS_AT_A_TIME = 80;
const PAUSE_AFTER_REFUSAL_MS = 100;

const stops: (() => unknown)[] = [];
const t = { teardown: (stop: () => unknown) => void stops.push(stop) };
const auth = await testAuthService(t, {
  databaseUrl: await testDatabase(t),
  change: (config) => ({ ...config, sessions: { ...config.sessions, refreshesPerHour: 1e6 } }),
});

/** Connections of their own: who logs in takes none from who refreshes. */
function client(maxSockets: number) {
  const agent = new Agent({ keepAlive: true, maxSockets, ...auth.gateway });
  stops.push(() => agent.destroy());
  return (method: string, path: string, body?: object, headers = {}): Promise<MtlsResponse> =>
    mtlsRequest(auth.gateway, auth.publicUrl + path, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      options: { agent },
    });
}
const asRefresher = client(REFRESHERS);
const asStranger = client(LOGINS_AT_A_TIME);

let statements = 0;
const { query } = pg.Client.prototype;
Object.assign(pg.Client.prototype, {
  query(this: pg.Client, ...args: unknown[]): unknown {
    statements += 1;
    return (query as (...args: unknown[]) => unknown).apply(this, args);
  },
});

interface Figures {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  statements: number;
}

/** `callers` of them, each with its next call after its last. */
async function drive(callers: number, call: (caller: number) => Promise<unknown>): Promise<Figures> {
  const times: number[] = [];
  const [startedAt, before] = [performance.now(), statements];
  const until = startedAt + SECONDS * 1000;
  const one = async (_: unknown, caller: number): Promise<void> => {
    while (performance.now() < until) {
      const calledAt = performance.now();
      await call(caller);
      times.push(performance.now() - calledAt);
    }
  };
  await Promise.all(Array.from({ length: callers }, one));
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? Number.NaN;
  return {
    perSecond: (times.length * 1000) / (performance.now() - startedAt),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    statements: (statements - before) / times.length,
  };
}

const sessions: string[] = [];
while (sessions.length < REFRESHERS) sessions.push((await auth.login()).refresh_token);

async function refresh(caller: number): Promise<void> {
  const answer = await asRefresher('POST', '/auth/refresh', { refresh_token: sessions[caller] });
  if (answer.status !== 200) throw new Error(`a refresh answered ${answer.status}: ${answer.text}`);
  sessions[caller] = answer.json<{ refresh_token: string }>().refresh_token;
}

async function keys(): Promise<void> {
  const { status } = await asRefresher('GET', WELL_KNOWN.jwks);
  if (status !== 200) throw new Error(`the key set answered ${status}`);
}

const logins = { good: 0, refused: 0 };

/** Logs in until it is stopped. An address of its own for each, so that none is throttled. */
function logInMeanwhile(): () => Promise<unknown> {
  const { email, password } = USER;
  let stopped = false;
  const one = async (): Promise<void> => {
    while (!stopped) {
      const headers = { 'x-forwarded-for': `10.${[...randomBytes(3)].join('.')}` };
      const { status } = await asStranger('POST', '/auth/login', { email, password }, headers);
      if (status === 200) logins.good += 1;
      else logins.refused += 1;
      if (status !== 200) await new Promise((resolve) => setTimeout(resolve, PAUSE_AFTER_REFUSAL_MS));
    }
  };
  const all = Promise.all(Array.from({ length: LOGINS_AT_A_TIME }, one));
  return () => {
    stopped = true;
    return all;
  };
}

const rounds = { alone: [] as Figures[], busy: [] as Figures[], keys: [] as Figures[] };
await drive(REFRESHERS, refresh); // the first time compiles
for (let round = 0; round < ROUNDS; round++) {
  rounds.alone.push(await drive(REFRESHERS, refresh));
  rounds.keys.push(await drive(REFRESHERS, keys));
  const stop = logInMeanwhile();
  rounds.busy.push(await drive(REFRESHERS, refresh));
  await stop();
}
for (const stop of stops.reverse()) await stop();

const median = (figures: readonly Figures[], of: keyof Figures): number =>
  spread(figures.map((each) => each[of])).median;
function say(what: string, figures: readonly Figures[]): void {
  const [p50, p99] = [median(figures, 'p50Ms').toFixed(1), median(figures, 'p99Ms').toFixed(1)];
  console.log(
    `${what.padEnd(26)}${median(figures, 'perSecond').toFixed(0).padStart(6)}/s   p50 ${p50} ms, p99 ${p99} ms`,
  );
}
say('refreshes alone', rounds.alone);
say('refreshes beside logins', rounds.busy);
say('key set alone', rounds.keys);
const column = (figures: readonly Figures[], of: keyof Figures): number[] => figures.map((each) => each[of]);
const slower = ratios(column(rounds.busy, 'p99Ms'), column(rounds.alone, 'p99Ms'));
console.log(
  `p99 beside logins × ${slower.median.toFixed(2)} (${slower.min.toFixed(2)}–${slower.max.toFixed(2)})`,
);
const [each, perKeys] = [median(rounds.alone, 'statements'), median(rounds.keys, 'statements')];
console.log(`statements: ${each.toFixed(2)} a refresh, ${perKeys.toFixed(2)} a look at the key set`);
console.log(`logins: ${logins.good} made, ${logins.refused} refused for now`);
