/** What happens to a session is known at every gateway: one in the auth service's process, one on its internal listener. */
import { decodeProtectedHeader } from 'jose';
import t, { type Test } from 'tap';
import { DEVICE_COOKIE, type SessionList } from '../../contracts/auth-api.js';
import { apiClient } from '../fixtures/api-client.js';
import { eventually } from '../fixtures/eventually.js';
import { startGatewayAndAuth, startGatewayOf } from '../fixtures/gateway-and-auth.js';
import { needsPostgres } from '../fixtures/postgres.js';
import { USER } from '../fixtures/test-auth-service.js';

const NEW_PASSWORD = 'walnut-kettle-47-orbit';
/** No upstream runs here, so this is what an accepted token comes to. */
const ACCEPTED = 'upstream_unreachable';

t.test('sessions at gateways', needsPostgres, async (t) => {
  const { url, auth } = await startGatewayAndAuth(t);
  const further = await startGatewayOf(t, auth, { issuer: url, feed: 'internal listener' });
  const here = apiClient(url);
  const gateways = [here, apiClient(further.url)];
  const profile = async (token: string) =>
    Promise.all(gateways.map(async (gateway) => (await gateway.get('/api/profile', token)).code));
  const refusedSoon = async (t: Test, token: string) => {
    const isRefused = (codes: unknown) => String(codes) === 'token_revoked,token_revoked';
    const elapsedMs = await eventually(() => profile(token), isRefused);
    t.ok(elapsedMs < 10_000, `refused everywhere after ${Math.round(elapsedMs)} ms`);
  };
  const refresh = (token: string) => here.post('/auth/refresh', { refresh_token: token });
  const tokensOf = async (token: string) => {
    const { status, body } = await refresh(token);
    if (status !== 200) throw new Error(`refresh answered ${status}`);
    return body as { access_token: string; refresh_token: string };
  };

  t.test('a parent that comes back after its successor was used ends the session everywhere', async (t) => {
    const first = await here.login(USER);
    const second = await tokensOf(first.refresh_token);
    const third = await tokensOf(second.refresh_token);
    const accessTokens = [first, second, third].map(({ access_token }) => access_token);
    for (const token of accessTokens) t.strictSame(await profile(token), [ACCEPTED, ACCEPTED]);
    auth.clock.shift(11_000); // the grace window is over
    t.match(await refresh(first.refresh_token), { status: 401, code: 'refresh_token_reused' });
    for (const token of accessTokens) await refusedSoon(t, token);
    t.match(await refresh(third.refresh_token), { status: 401, code: 'session_revoked' });
  });

  t.test('a rotation of the signing key refuses no token, old or new', async (t) => {
    const before = [await here.login(USER), await here.login(USER)].map(({ access_token }) => access_token);
    const [known = '', unseen = ''] = before;
    t.strictSame(await profile(known), [ACCEPTED, ACCEPTED]);
    auth.clock.shift(331_000); // published for long enough
    t.equal((await auth.admin('POST', '/keys/rotate')).status, 200);
    const after = await here.login(USER);
    t.not(decodeProtectedHeader(after.access_token).kid, decodeProtectedHeader(known).kid);
    for (const token of [after.access_token, known, unseen])
      t.strictSame(await profile(token), [ACCEPTED, ACCEPTED]);
  });

  t.test(
    'people see and end their sessions through the gateway, which names the address it saw',
    async (t) => {
      const [one, other] = [await here.login(USER), await here.login(USER)];
      const list = await here.get('/auth/sessions', one.access_token, { 'x-forwarded-for': '203.0.113.9' });
      const { sessions } = list.body as unknown as SessionList;
      t.match(
        sessions.find(({ current }) => current),
        { id: one.session_id, ip: '127.0.0.1', device: 'node' },
      );
      t.match(await here.get('/auth/sessions'), { status: 401, code: 'credentials_missing' });
      const headers = { authorization: `Bearer ${one.access_token}` };
      const ended = await here.send(`/auth/sessions/${other.session_id}`, { method: 'DELETE', headers });
      t.match(ended, { status: 200, body: { revoked: true } });
      await refusedSoon(t, other.access_token);
      t.strictSame(await profile(one.access_token), [ACCEPTED, ACCEPTED]);
    },
  );

  t.test('a password change ends the others everywhere, and leaves the one that asked', async (t) => {
    const [one, other] = [await here.login(USER), await here.login(USER)];
    const body = JSON.stringify({ current_password: USER.password, new_password: NEW_PASSWORD });
    const headers = { authorization: `Bearer ${one.access_token}`, 'content-type': 'application/json' };
    const changed = await here.send('/auth/password', { method: 'POST', headers, body });
    t.match(changed, { status: 200, body: { changed: true, revoked: true } });
    await refusedSoon(t, other.access_token);
    t.strictSame(await profile(one.access_token), [ACCEPTED, ACCEPTED]);
  });

  t.test('roles that were taken away are gone everywhere, and the session goes on', async (t) => {
    await auth.admin('PUT', `/users/${USER.email}/access`, { roles: ['user', 'admin'] });
    const account = { ...USER, password: NEW_PASSWORD };
    auth.clock.shift(1000); // `iat` counts in seconds
    const login = await here.login(account);
    t.match(await here.get('/api/admin/x', login.access_token), { code: ACCEPTED });
    t.equal((await auth.admin('PUT', `/users/${USER.email}/access`, { roles: ['user'] })).status, 200);
    await refusedSoon(t, login.access_token);
  });

  t.test('a disabled account is out everywhere', async (t) => {
    const login = await here.login({ ...USER, password: NEW_PASSWORD });
    t.equal((await auth.admin('POST', `/users/${USER.email}/disable`)).status, 200);
    await refusedSoon(t, login.access_token);
    t.match(await refresh(login.refresh_token), { status: 403, code: 'account_disabled' });
    await auth.admin('POST', `/users/${USER.email}/enable`);
  });

  t.test(
    'a link chooses a new password through the gateway, and the device is known from then on',
    async (t) => {
      const { token } = (await auth.admin('POST', `/users/${USER.email}/password-reset`)).json<{
        token: string;
      }>();
      const reset = await here.post('/auth/password/reset', { token, new_password: USER.password });
      t.match(reset, { status: 200, body: { changed: true, revoked: true } });
      t.match(reset.headers.get('set-cookie'), `${DEVICE_COOKIE}=gtd_`);
      t.ok(await here.login(USER));
      t.match(await here.post('/auth/register', { email: 'x@example.test', password: NEW_PASSWORD }), {
        status: 404,
      });
    },
  );
});
