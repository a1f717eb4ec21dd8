/** The client SDK against a real auth service behind a real gateway, by a server-side store in place of a browser. */
import t from 'tap';
import { type Change, createClient, memoryStore } from '../../client/index.js';
import { startGatewayAndAuth } from '../fixtures/gateway-and-auth.js';
import { needsPostgres } from '../fixtures/postgres.js';
import { USER } from '../fixtures/test-auth-service.js';

t.test('the client SDK', needsPostgres, async (t) => {
  const { url, auth } = await startGatewayAndAuth(t);
  const start = (store = memoryStore()) => {
    const client = createClient({ baseUrl: url, store, now: () => auth.clock.now() });
    const changes: Change[] = [];
    client.onChange((change) => changes.push(change));
    return { client, changes, store };
  };
  /** No upstream runs here: an accepted token comes to 502. */
  const status = async (client: ReturnType<typeof createClient>) =>
    (await client.fetch('/api/profile')).status;

  t.test('login, a call, sessions, logout', async (t) => {
    const { client, changes } = start();
    t.match(await client.login(USER), { roles: USER.roles, scopes: USER.scopes });
    t.equal(await status(client), 502);
    t.match(await client.sessions(), [{ current: true }]);
    t.equal(await client.logout(), 'revoked');
    t.equal(await status(client), 401);
    t.strictSame(
      changes.map(({ reason }) => reason),
      ['login', 'logout'],
    );
  });

  t.test('a wrong password', async (t) => {
    const { client } = start();
    await t.rejects(client.login({ ...USER, password: 'not this one' }), {
      name: 'GatehouseError',
      code: 'invalid_credentials',
    });
  });

  t.test('after an hour of sleep one of two processes of a store refreshes after the other', async (t) => {
    const { client, store } = start();
    await client.login(USER);
    auth.clock.shift(3_600_000);
    const other = start(store);
    t.strictSame(await Promise.all([status(client), status(other.client)]), [502, 502]);
    t.strictSame(await Promise.all([status(client), status(other.client)]), [502, 502]);
  });

  t.test('a session that was ended elsewhere ends here, with the reason', async (t) => {
    const here = start();
    const there = start();
    await here.client.login(USER);
    await there.client.login(USER);
    const id = (await here.client.getIdentity())?.sessionId ?? '';
    t.equal(await there.client.endSession(id), 'revoked');
    t.equal(await status(here.client), 401);
    t.match(here.changes.at(-1), { identity: undefined, reason: 'session_revoked' });
    t.equal(await status(there.client), 502);
    t.equal(await there.client.logoutAll(), 'revoked');
    t.equal(await status(there.client), 401);
  });
});
