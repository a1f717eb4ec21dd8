import { writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import type { ConfigHistoryReport, ConfigReload } from '../../contracts/admin-api.js';
import { runCli } from '../fixtures/cli.js';
import { fakeClock } from '../fixtures/fake-clock.js';
import { startTestGateway } from '../fixtures/test-gateway.js';

const PUBLIC = { path: '/public/*', methods: ['GET'], auth: 'public', upstream: 'app' };
const NEW = { path: '/new/*', methods: ['GET'], auth: 'public', upstream: 'app' };
const TOKEN = 'an-admin-token-of-thirty-two-characters-or-so';

/** A running gateway that reads its file only when asked to, and `gatehouse config …` with it. */
async function start(t: Test, config: object = {}) {
  // Time stands still: the gateway's own watch never gets to look.
  const deps = { clock: fakeClock(Date.now()) };
  const test = await startTestGateway(t, { routes: [PUBLIC], config, deps, waitUntilReady: false });
  const env = { ADMIN_PORT: new URL(test.gateway.adminUrl).port };
  return {
    ...test,
    write: (changes: object) => writeFileSync(test.configFile, test.configWith(changes)),
    run: (args: string[], more: Record<string, string> = {}) =>
      runCli(['config', ...args], { ...env, ...more }),
    version: () => test.gateway.readiness().config.version,
    status: async (path: string) => (await fetch(test.url + path)).status,
  };
}

t.test('reload and rollback change what a running gateway goes by, and history tells of it', async (t) => {
  const { run, write, version, status, configFile } = await start(t);
  const first = version();
  const alone = await run(['rollback']);
  t.strictSame([alone.code, version()], [1, first], 'there is nothing to go back to');
  t.match(alone.stdout, /^refused; .* stays in force\n {2}config_version_unknown: no version is kept from/);

  t.match(await run(['reload']), { code: 0, stdout: `unchanged; ${first} is in force\n`, stderr: '' });
  write({ routes: [PUBLIC, NEW] });
  const reloaded = await run(['reload']);
  const second = version();
  t.match(reloaded, { code: 0, stdout: `${second} is in force, in place of ${first}\n` });
  t.equal(await status('/new/x'), 200);

  const back = await run(['rollback']);
  t.equal(back.code, 0);
  t.match(
    back.stdout,
    new RegExp(`^${first} is in force, in place of ${second}\nThe file on disk is as it was`),
  );
  t.strictSame([await status('/new/x'), version()], [404, first]);

  const { code, stdout } = await run(['history']);
  t.equal(code, 0);
  t.match(stdout, `${first} is in force, by rollback\n${configFile} holds another`);
  t.match(stdout, new RegExp(`^${second} .* - .*gateway.yaml$`, 'm'));
  t.match(stdout, new RegExp(`^${first} .* in force .*gateway.yaml$`, 'm'));

  t.match(await run(['rollback', second]), { code: 0, stdout: new RegExp(`^${second} is in force`) });
  t.equal(await status('/new/x'), 200);
});

t.test(
  'a config that is refused, and a version that is not kept: exit code 1, with every reason',
  async (t) => {
    const { run, write, version } = await start(t);
    const first = version();
    write({
      routes: [
        { ...PUBLIC, upstream: 'ap' },
        { ...NEW, auth: 'nobody' },
      ],
    });
    const { code, stdout } = await run(['reload']);
    t.equal(code, 1);
    t.match(stdout, new RegExp(`^refused; ${first} stays in force\n`));
    t.match(stdout, /^ {2}\S+gateway.yaml:\d+:\d+ config_dangling_name: .*ap/m);
    t.equal(stdout.match(/^ {2}\S+gateway.yaml:/gm)?.length, 2);
    write({ routes: [{ ...PUBLIC, upstream: 'ap', tiemout: '5s' }] });
    const codes = (await run(['reload'])).stdout.match(/config_(?:dangling_name|unknown_key)/g);
    t.strictSame(
      codes,
      ['config_dangling_name', 'config_unknown_key'],
      'from top to bottom, as check has them',
    );
    t.match((await run(['history'])).stdout, /refused; /, 'history says so too');

    const near = `${first.slice(0, -1)}${first.endsWith('0') ? '1' : '0'}`;
    const unknown = await run(['rollback', near]);
    t.match(unknown, { code: 1, stdout: new RegExp(`config_version_unknown.*did you mean ${first}\\?`) });
    t.equal(version(), first);
  },
);

t.test('--json is the answer of the admin listener, and nothing else', async (t) => {
  const { run, write, version } = await start(t);
  const json = async <T>(...args: string[]) => {
    const { code, stdout } = await run([...args, '--json']);
    return { code, body: JSON.parse(stdout) as T };
  };
  const first = version();
  write({ routes: [PUBLIC, NEW] });
  t.match(await json<ConfigReload>('reload'), {
    code: 0,
    body: { result: 'applied', trigger: 'admin', version: String, previous: first, problems: [] },
  });
  t.match(await json<ConfigReload>('rollback'), {
    code: 0,
    body: { result: 'applied', trigger: 'rollback', version: first },
  });
  t.match(await json<ConfigReload>('rollback', '000000000000'), {
    code: 1,
    body: { result: 'refused', version: first, problems: [{ code: 'config_version_unknown' }] },
  });
  const { code, body } = await json<ConfigHistoryReport>('history');
  t.equal(code, 0);
  t.match(body.in_force, { version: first, origin: 'rollback', differs_from_file: true });
  t.match(
    body.versions.map(({ in_force }) => in_force),
    [false, true],
  );
});

t.test('no gateway, none that lets us in, and none that is one: one line and exit code 1', async (t) => {
  const { run, gateway, url } = await start(t, { admin: { host: '127.0.0.1', port: 0, token: TOKEN } });
  for (const command of ['history', 'reload', 'rollback']) {
    const nobody = await run([command, '--json'], { ADMIN_PORT: '1' });
    t.match(nobody, {
      code: 1,
      stdout: /^$/,
      stderr: /^gatehouse: the gateway's admin listener at http:\/\/127\.0\.0\.1:1 does not answer: .*\n$/,
    });
    const stranger = await run([command]);
    t.match(stranger, { code: 1, stdout: /^$/, stderr: /answered 401 admin_token: [^\n]*\n$/ });
  }
  t.match(await run(['history'], { ADMIN_TOKEN: TOKEN }), { code: 0, stdout: /is in force/ });
  t.match(await run(['history', '--admin', gateway.adminUrl], { ADMIN_TOKEN: TOKEN }), { code: 0 });
  t.match(await run(['reload', '--admin', url]), { code: 1, stderr: /answered 404 route_not_found/ });
  t.match(await run(['reload', '--admin', 'ftp://x']), { code: 1, stderr: /ftp:\/\/x is not an http:/ });
  t.match(await run(['rollback', 'one', 'two']), { code: 2, stderr: /too many arguments/ });
  t.match(await run(['rolback']), { code: 2, stderr: /unknown command/ });
});
