import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import type { SessionList } from '../../contracts/auth-api.js';
import { packageRoot } from '../../kit/package-root.js';
import { apiClient } from '../fixtures/api-client.js';
import { transpileSources } from '../fixtures/build.js';
import { startGatewayAndAuth } from '../fixtures/gateway-and-auth.js';
import { needsPostgres } from '../fixtures/postgres.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';
import { USER } from '../fixtures/test-auth-service.js';
import { startStubs } from '../fixtures/upstream-stubs.js';

const page = readFileSync(join(packageRoot(), 'docs/client-adapters.md'), 'utf8');
const [axios, ky, query, webSocket, events] = [...page.matchAll(/^```js\n(.*?)^```/gms)].map(
  ([, text]) => text ?? '',
);
const entry = pathToFileURL(join(transpileSources(), 'client/index.js')).href;

/** A block of the page as the file of a program, which finds what it imports. */
function programOf(t: Test, block = ''): string {
  const file = join(temporaryFolder(t), 'program.mjs');
  const resolved = block.replace(
    / from '([^']+)'/g,
    (_, name: string) => ` from '${name === 'gatehouse/client' ? entry : import.meta.resolve(name)}'`,
  );
  writeFileSync(file, resolved);
  return file;
}

t.test('the page’s programs', needsPostgres, async (t) => {
  const stubs = await startStubs(t, ['orders', 'events', 'echo']);
  const [{ auth: profiles = {}, routes: shown = [] } = {}] = [...page.matchAll(/^```yaml\n(.*?)^```/gms)].map(
    ([, text]) => parse(text ?? '') as { auth?: object; routes?: { path: string }[] },
  );
  const { url, auth } = await startGatewayAndAuth(t, {
    change: ({ upstreams, routes, ...value }) => {
      const at = (name: 'orders' | 'events' | 'echo') => ({ ...upstreams[name], url: stubs.urls[name] });
      return {
        ...value,
        auth: { ...value.auth, ...profiles },
        upstreams: { ...upstreams, orders: at('orders'), events: at('events'), echo: at('echo') },
        routes: [...routes.filter(({ path }) => path !== shown[0]?.path), ...(shown as typeof routes)],
      } as typeof value & { upstreams: typeof upstreams; routes: typeof routes };
    },
  });
  const scopes = ['orders:read', 'orders:write'];
  t.equal((await auth.admin('PUT', `/users/${USER.email}/access`, { scopes })).status, 200);
  const env = { ...process.env, GATEWAY: url, EMAIL: USER.email, PASSWORD: USER.password };

  const run = async (t: Test, block: string | undefined) => {
    const { stdout } = await promisify(execFile)(process.execPath, [programOf(t, block)], { env });
    return stdout;
  };

  t.test('axios', async (t) => t.equal(await run(t, axios), 'tea\ninsufficient_role\n'));
  t.test('ky', async (t) => t.equal(await run(t, ky), 'tea\ninsufficient_role false\n'));
  t.test('TanStack Query', async (t) =>
    t.match(await run(t, query), /^pending \nsuccess \d+\n(success \d+\n)*insufficient_role\n0\n$/),
  );

  /** Its lines, each as soon as it is there; undefined after the last. */
  const follow = (t: Test, block: string | undefined) => {
    const child = spawn(process.execPath, [programOf(t, block)], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.teardown(() => child.kill());
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return {
      next: async () => ((await lines.next()) as { value?: string }).value,
      ended: once(child, 'exit'),
    };
  };
  const someone = apiClient(url);
  /** Ends the session that the program began, as an operator would: the newest but for the one that asks. */
  const sessionsOfUser = async () => {
    const { access_token: token } = await someone.login(USER);
    const { sessions } = (await someone.get('/auth/sessions', token)).body as unknown as SessionList;
    await someone.logout(token);
    return sessions.filter(({ current }) => !current);
  };
  const endSessions = async () => {
    for (const { id } of await sessionsOfUser())
      t.equal((await auth.admin('POST', '/revocations', { kind: 'session', sid: id })).status, 200);
  };

  t.test('a WebSocket', async (t) => {
    await endSessions();
    const { next, ended } = follow(t, webSocket);
    const greeting = await next();
    t.match(greeting, /^{"subject":"[^"]+"}$/);
    t.equal(await next(), 'hello again');
    auth.clock.shift(16 * 60_000);
    t.equal(await next(), greeting, 'the gateway has closed it, and there is another');
    t.equal(await next(), 'hello again');
    t.equal((await sessionsOfUser()).length, 1, 'in the same session');
    await endSessions();
    t.equal(await next(), 'signed out: session_revoked');
    t.strictSame(await ended, [0, null]);
  });

  t.test('server-sent events', async (t) => {
    await endSessions();
    const { next, ended } = follow(t, events);
    t.equal(await next(), 'event 1');
    auth.clock.shift(16 * 60_000);
    let line = await next();
    for (let id = 2; id < 4; id++) {
      t.equal(line, `event ${id}`, 'none is missed, and none comes twice');
      line = await next();
    }
    t.equal((await sessionsOfUser()).length, 1, 'in the same session');
    await endSessions();
    while (line?.startsWith('event')) line = await next();
    t.equal(line, 'signed out: session_revoked');
    t.equal(await next(), 'ended: token_revoked');
    t.strictSame(await ended, [0, null]);
  });
});
