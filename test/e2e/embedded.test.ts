/** `npm start` as a process: the main job, and what happens when it is stopped, killed, or started twice. */
import { createHmac, createPublicKey, type JsonWebKey } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import t, { type Test } from 'tap';
import { DEMO_ACCOUNTS } from '../../embedded/demo-accounts.js';
import { apiClient } from '../fixtures/api-client.js';
import { buildCli, type CliProcess } from '../fixtures/cli.js';
import { freePort } from '../fixtures/free-port.js';
import { mtlsRequest } from '../fixtures/mtls-request.js';
import { needsPostgres } from '../fixtures/postgres.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';

t.setTimeout(180_000); // many processes: on a machine that is busy with other things it takes a while

const [demo] = DEMO_ACCOUNTS;
if (demo === undefined) throw new Error('no demo account');
const cli = buildCli(t);
const dataDir = join(temporaryFolder(t), 'data');
const [port, adminPort] = [await freePort(), await freePort()];
const env = { GATEHOUSE_DATA: dataDir, PORT: String(port), ADMIN_PORT: String(adminPort), LOG_LEVEL: 'info' };
const api = apiClient(`http://127.0.0.1:${port}`);

/** The one that runs now; each test leaves one running for the next. */
let running: CliProcess;

async function start(): Promise<void> {
  running = await cli.start(['start'], env);
  await running.line('Gatehouse is ready.');
}

/** Session and signature of tokens that outlive the process. */
const kept = { good: '', loggedOut: '' };

async function checkKeptTokens(t: Test): Promise<void> {
  t.equal((await api.get('/api/orders', kept.good)).status, 200, 'a token from before is good');
  t.equal(
    (await api.get('/api/orders', kept.loggedOut)).code,
    'token_revoked',
    'and what was logged out stays out',
  );
}
t.test('the main job: log in, call, be told apart, log out, be refused', needsPostgres, async (t) => {
  await start();
  const { access_token: token } = await api.login(demo);
  const { sub } = decodeJwt(token);

  const orders = await api.get('/api/orders', token);
  t.match(orders, { status: 200, body: { subject: sub } }, 'the upstream names the caller from its headers');
  const forged = await api.get('/api/orders', token, { 'X-Identity-Subject': 'root' });
  t.strictSame(forged.body, orders.body, 'a forged header changes nothing');
  const seen = await api.get('/public/echo/x', undefined, { 'X-Identity-Subject': 'root' });
  t.notMatch(JSON.stringify(seen.body), 'root', 'nor on a public route');

  const anonymous = await api.get('/api/orders');
  t.match(anonymous, { status: 401, code: 'credentials_missing' });
  t.equal(anonymous.headers.get('www-authenticate'), 'Bearer');
  t.match(await api.get('/api/admin/x', token), { status: 403, code: 'insufficient_role' });

  t.match(await api.logout(token), { status: 200, body: { revoked: true } });
  t.match(await api.get('/api/orders', token), { status: 401, code: 'token_revoked' });
  kept.loggedOut = token;
  kept.good = (await api.login(demo)).access_token;
});

t.test('a token that is not as it was signed is refused', needsPostgres, async (t) => {
  const [header = '', , signature = ''] = kept.good.split('.');
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const { kid } = decodeProtectedHeader(kept.good);
  const refusal = async (token: string) => {
    const { status, code } = await api.get('/api/orders', token);
    return `${status} ${code}`;
  };
  const asAdmin = encode({ ...decodeJwt(kept.good), roles: ['admin'] });
  t.equal(await refusal(`${header}.${asAdmin}.${signature}`), '401 token_signature');
  const none = encode({ alg: 'none', typ: 'at+jwt', kid });
  t.equal(await refusal(`${none}.${asAdmin}.`), '401 token_alg');

  const { keys } = (await api.get('/.well-known/jwks.json')).body as { keys: JsonWebKey[] };
  const [jwk] = keys;
  if (jwk === undefined) throw new Error('no key');
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
  const input = `${encode({ alg: 'HS256', typ: 'at+jwt', kid })}.${asAdmin}`;
  for (const secret of [
    publicKey.export({ type: 'spki', format: 'pem' }),
    publicKey.export({ type: 'spki', format: 'der' }),
    JSON.stringify(jwk),
  ]) {
    const mac = createHmac('sha256', secret).update(input).digest('base64url');
    t.equal(await refusal(`${input}.${mac}`), '401 token_alg', 'HS256 with the public key as its secret');
  }
});

t.test('an upstream is no way around the gateway', needsPostgres, async (t) => {
  const line = running.lines.find((text) => text.includes('"stub":"orders"') && text.includes('listening'));
  const url = `${/https:\/\/[\d.:]+/.exec(line ?? '')?.[0]}/api/orders`;
  const pem = (name: string) => readFileSync(join(dataDir, 'pki', `${name}.pem`), 'utf8');
  await t.rejects(mtlsRequest({ ca: pem('ca') }, url), /certificate required/, 'without a certificate');
  const profile = { ca: pem('ca'), cert: pem('profile'), key: pem('profile-key') };
  const headers = { 'x-identity-version': '1', 'x-identity-kind': 'user', 'x-identity-subject': 'root' };
  const refused = await mtlsRequest(profile, url, { headers });
  t.match(refused.json(), { status: 403, code: 'gateway_required' }, 'with one of another part');
});

t.test('each part logs under its own name, said once', needsPostgres, async (t) => {
  const logged = running.lines.filter((line) => line.startsWith('{'));
  const names = logged.map((line) =>
    [...line.matchAll(/"name":"([^"]*)"/g)].map(([, name]) => name).join('+'),
  );
  t.strictSame([...new Set(names)].sort(), ['auth-service', 'gateway', 'upstream-stubs']);
});

t.test('SIGHUP makes the gateway read its config again', needsPostgres, async (t) => {
  process.kill(running.pid, 'SIGHUP');
  t.match(JSON.parse(await running.line('config unchanged')), { name: 'gateway', trigger: 'signal' });
});

t.test('a start that cannot be is one line and exit code 1', needsPostgres, async (t) => {
  const refusal = async (changes: Record<string, string>) => {
    const { code, stdout, stderr } = await cli.run(['start'], { ...env, ...changes });
    t.strictSame([code, stdout], [1, '']);
    return stderr;
  };
  const otherData = join(temporaryFolder(t), 'data');
  const [sameFolder, portInUse] = await Promise.all([
    refusal({ PORT: '0', ADMIN_PORT: '0' }),
    refusal({ GATEHOUSE_DATA: otherData }),
  ]);
  t.equal(
    sameFolder,
    `gatehouse: the data folder ${dataDir} is in use by process ${running.pid}: stop that one, or set GATEHOUSE_DATA to another folder\n`,
  );
  t.equal(portInUse, `gatehouse: port ${port} on 127.0.0.1 is in use: stop what holds it, or set PORT\n`);
});

t.test('Ctrl-C stops everything, and the next start knows what this one knew', needsPostgres, async (t) => {
  t.equal(await running.end('SIGINT'), 'exit code 0');
  if (process.platform === 'linux') t.strictSame(processesOn(dataDir), [], 'nothing is left running');
  await t.rejects(api.get('/public/status'), 'nobody listens');
  await start();
  await checkKeptTokens(t);
});

t.test('after kill -9 the next start goes on with what was acknowledged', needsPostgres, async (t) => {
  const { access_token: token } = await api.login(demo);
  t.equal((await api.logout(token)).status, 200);
  t.equal(await running.end('SIGKILL'), 'signal SIGKILL');
  await start();
  await checkKeptTokens(t);
  t.equal((await api.get('/api/orders', token)).code, 'token_revoked', 'the last moment before it, too');
  t.equal(await running.end('SIGTERM'), 'exit code 0');
});

/** Command lines of processes that name the folder, or work in it. */
function processesOn(dir: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      if (command.includes(dir)) found.push(command);
    } catch {
      // ended meanwhile
    }
  }
  return found;
}
