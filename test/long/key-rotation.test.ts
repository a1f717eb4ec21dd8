/**
 * Twenty rotations under load, at two auth services and three gateways, on a clock that runs ten times as fast: a key is
 * published for 90 s before it signs. Small versions: test/e2e/sessions-at-gateways.test.ts and topology.test.ts.
 */
import { decodeJwt, decodeProtectedHeader } from 'jose';
import t from 'tap';
import { apiClient } from '../fixtures/api-client.js';
import { eventually } from '../fixtures/eventually.js';
import { startGatewayOf } from '../fixtures/gateway-and-auth.js';
import { needsPostgres, testDatabase } from '../fixtures/postgres.js';
import { shiftedClock } from '../fixtures/shifted-clock.js';
import { ISSUER, type TestAuth, testAuthService } from '../fixtures/test-auth-service.js';

const ROTATIONS = 20;
const SPEED = 10;
const TOKENS_PER_ROTATION = 40;
const STREAMS_PER_GATEWAY = 2;
/** No upstream runs here, so this is what an accepted token comes to. */
const ACCEPTED = 'upstream_unreachable';

interface Pooled {
  token: string;
  kid: string;
  exp: number;
}

t.test('twenty rotations under load: no token, old or new, is refused anywhere', needsPostgres, async (t) => {
  const databaseUrl = await testDatabase(t);
  const clock = shiftedClock({ speed: SPEED });
  const start = () =>
    testAuthService(t, {
      databaseUrl,
      clock,
      change: (config) => ({ ...config, keys: { ...config.keys, jwksMaxAgeMs: 60_000 } }),
    });
  const [authA, authB] = [await start(), await start()];
  const maxStaleness = '5m'; // by the fast clock; else a stall of one second would be an outage
  const gateways = await Promise.all([
    startGatewayOf(t, authA, { issuer: ISSUER, feed: 'in process', maxStaleness }),
    startGatewayOf(t, authA, { issuer: ISSUER, feed: 'internal listener', maxStaleness }),
    startGatewayOf(t, authB, { issuer: ISSUER, feed: 'internal listener', maxStaleness }),
  ]);
  const apis = gateways.map(({ url }) => apiClient(url));

  let { refresh_token: refreshToken } = await authA.login();
  let refreshesRefused = 0;
  const issue = async (on: TestAuth): Promise<Pooled> => {
    let answer = await on.refresh(refreshToken);
    // A stall of three seconds is half a minute by this clock: too long for an instance to go on signing unasked.
    for (; answer.status === 503; answer = await on.refresh(refreshToken)) refreshesRefused += 1;
    if (answer.status !== 200) throw new Error(`refresh answered ${answer.status}: ${answer.text}`);
    const tokens = answer.json<{ access_token: string; refresh_token: string }>();
    refreshToken = tokens.refresh_token;
    const [{ kid = '' }, { exp = 0 }] = [
      decodeProtectedHeader(tokens.access_token),
      decodeJwt(tokens.access_token),
    ];
    return { token: tokens.access_token, kid, exp };
  };

  let pool = [await issue(authA)];
  /** Of each key, what is first shown to anyone when another has taken over. */
  let heldBack: Pooled[] = [];
  let currentKid = pool[0]?.kid ?? '';
  const codes: Record<string, number> = {};
  const firstSights: Record<'old key' | 'new key', number> = { 'old key': 0, 'new key': 0 };
  const ask = async (gateway: number, { token }: Pooled) => {
    const { code = 'none' } = await (apis[gateway] as (typeof apis)[number]).get('/api/profile', token);
    codes[code] = (codes[code] ?? 0) + 1;
  };
  let isRunning = true;
  const stream = async (gateway: number) => {
    const seen = new Set<string>();
    while (isRunning) {
      const fresh = pool.filter(({ token }) => !seen.has(token));
      const from = fresh.length > 0 ? fresh : pool;
      const one = from[Math.floor(Math.random() * from.length)] as Pooled;
      if (!seen.has(one.token)) firstSights[one.kid === currentKid ? 'new key' : 'old key'] += 1;
      seen.add(one.token);
      await ask(gateway, one);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  t.teardown(() => (isRunning = false));
  const streams = gateways.flatMap((_, index) =>
    Array.from({ length: STREAMS_PER_GATEWAY }, () => stream(index)),
  );

  const kids = new Set(pool.map(({ kid }) => kid));
  for (let round = 0; round < ROTATIONS; round++) {
    const [here, other] = round % 2 === 0 ? [authA, authB] : [authB, authA];
    const rotate = async () => (await here.admin('POST', '/keys/rotate')).status;
    await eventually(rotate, (status) => status === 200, 60_000);
    const first = await issue(here);
    t.notOk(kids.has(first.kid), `rotation ${round + 1}: another key signs`);
    kids.add(first.kid);
    await Promise.all(gateways.map((_, index) => ask(index, first)));
    // Of the instance that rotated, and of the other, which may not have heard of it yet.
    currentKid = first.kid;
    pool.push(...heldBack);
    heldBack = [];
    for (let i = 0; i < TOKENS_PER_ROTATION; i++)
      (i % 4 < 2 ? pool : heldBack).push(await issue(i % 2 === 0 ? here : other));
    const nowS = clock.now() / 1000;
    pool = pool.filter(({ exp }) => exp > nowS + 300);
  }
  isRunning = false;
  await Promise.all(streams);

  const total = Object.values(codes).reduce((sum, count) => sum + count, 0);
  t.strictSame(codes, { [ACCEPTED]: total });
  t.equal(kids.size, ROTATIONS + 1);
  t.comment(`${total} requests during ${ROTATIONS} rotations at ${gateways.length} gateways, none refused`);
  t.comment(`${refreshesRefused} refreshes had to be sent again`);
  t.comment(`tokens seen for the first time: ${JSON.stringify(firstSights)}`);
});
