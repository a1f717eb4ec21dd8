import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import t, { type Test } from 'tap';
import type { AdminApiKey, AdminApiKeyCreated, AdminNewApiKey } from '../../contracts/admin-machines.js';
import { INTERNAL } from '../../contracts/well-known.js';
import { type Cli, runCli } from '../fixtures/cli.js';
import { followed } from '../fixtures/followed.js';
import { type MtlsClient, mtlsRequest } from '../fixtures/mtls-request.js';
import { assertion, assertionForm, basic, postForm } from '../fixtures/oauth-client.js';
import { needsPostgres, testDatabase } from '../fixtures/postgres.js';
import { sql } from '../fixtures/sql.js';
import { ISSUER, type TestAuth, testAuthService } from '../fixtures/test-auth-service.js';

const MINUTE_MS = 60_000;
const idOf = (text: string): string => text.split('_')[1] ?? '';

t.test('API keys', needsPostgres, async (t) => {
  const databaseUrl = await testDatabase(t);
  const auth = await testAuthService(t, { databaseUrl });
  const { sink, end } = followed(auth.revocations);
  t.teardown(end);
  const create = async (body: Partial<AdminNewApiKey> = {}) =>
    (
      await auth.admin('POST', '/api-keys', {
        name: 'export',
        service: 'export',
        scopes: ['orders:read'],
        ...body,
      })
    ).json<AdminApiKeyCreated>();
  const exchange = (text: string, as: MtlsClient = auth.gateway) =>
    mtlsRequest(as, auth.internalUrl + INTERNAL.apiKeyExchange, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ api_key: text }),
    });
  const works = async (text: string) => (await exchange(text)).status;
  const find = async (id: string) =>
    (await auth.admin('GET', '/api-keys')).json<{ keys: AdminApiKey[] }>().keys.find((key) => key.id === id);

  t.test('are exchanged for ten minutes as their service, by the gateway alone', async (t) => {
    const { api_key: text } = await create();
    t.match(text, /^gtk_[0-9a-f]{20}_[\w-]{49}$/);
    const answer = await exchange(text);
    t.equal(answer.headers['cache-control'], 'no-store');
    const { access_token, expires_in } = answer.json<{ access_token: string; expires_in: number }>();
    t.equal(expires_in, 600);
    const claims = { iss: ISSUER, sub: 'svc:export', sid: idOf(text), scope: 'orders:read', roles: [] };
    t.match(decodeJwt(access_token), { ...claims, client_id: `api-key:${idOf(text)}` });
    t.equal((await exchange(text, auth.operator)).status, 403);
    const admin = auth.internalUrl + INTERNAL.adminPrefix;
    t.equal((await mtlsRequest(auth.gateway, `${admin}/api-keys`)).status, 403, 'nor does it make any');
  });

  t.test('of which any character is wrong are no keys', async (t) => {
    const { api_key: text } = await create();
    const { api_key: other } = await create();
    const swapped = other.slice(0, 25) + text.slice(25);
    for (const wrong of [
      text.slice(0, -1),
      `${text}A`,
      text.toUpperCase(),
      swapped,
      'gtk_',
      '',
      'gtk_\u0000',
    ])
      t.equal(await works(wrong), 404, wrong);
    for (const at of [5, 30, text.length - 1]) {
      const changed = text.slice(0, at) + (text[at] === 'a' ? 'b' : 'a') + text.slice(at + 1);
      t.equal(await works(changed), 404, changed);
    }
    t.equal(await works(text), 200);
  });

  t.test('are stored as a hash, and told once', async (t) => {
    const { api_key: text } = await create();
    const secret = text.slice(25);
    t.notMatch(JSON.stringify(await sql(databaseUrl, 'SELECT * FROM api_keys')), secret);
    t.notMatch(JSON.stringify(await sql(databaseUrl, 'SELECT * FROM audit_log')), secret);
    t.notMatch((await auth.admin('GET', '/api-keys')).text, secret);
  });

  t.test('end by themselves, and no token of theirs lives longer', async (t) => {
    const { api_key: text } = await create({ expires_in: 660 });
    auth.clock.shift(5 * MINUTE_MS);
    const { expires_in } = (await exchange(text)).json<{ expires_in: number }>();
    t.ok(expires_in <= 360 && expires_in > 300, `${expires_in}`);
    t.ok((await find(idOf(text)))?.last_used_at);
    auth.clock.shift(7 * MINUTE_MS);
    t.equal(await works(text), 404);
    t.match(await find(idOf(text)), { status: 'expired' });
    t.equal((await auth.admin('POST', `/api-keys/${idOf(text)}/rotate`, { overlap: 60 })).status, 409);
    auth.clock.shift(-12 * MINUTE_MS);
  });

  t.test('rotate with an overlap, once', async (t) => {
    const { api_key: old } = await create({ expires_in: 86_400 });
    const rotate = (overlap: number) => auth.admin('POST', `/api-keys/${idOf(old)}/rotate`, { overlap });
    const { api_key: next, key } = (await rotate(3600)).json<AdminApiKeyCreated>();
    t.match(key, { name: 'export', service: 'export', scopes: ['orders:read'], status: 'active' });
    t.match(await find(idOf(old)), { replaced_by: idOf(next) });
    t.strictSame([await works(old), await works(next)], [200, 200]);
    t.equal((await rotate(3600)).status, 409);
    auth.clock.shift(61 * MINUTE_MS);
    t.strictSame([await works(old), await works(next)], [404, 200]);
    auth.clock.shift(-61 * MINUTE_MS);
    const known = sink.entries.length;
    const now = await auth.admin('POST', `/api-keys/${idOf(next)}/rotate`, { overlap: 0 });
    t.match(now.json(), { revoked: true, api_key: /^gtk_/ });
    t.match(sink.entries.slice(known), [{ kind: 'session', sid: idOf(next) }]);
    t.equal(await works(next), 404);
  });

  t.test('are revoked at once, as a session is', async (t) => {
    const { api_key: text } = await create();
    const id = idOf(text);
    const { exp = 0 } = decodeJwt((await exchange(text)).json<{ access_token: string }>().access_token);
    const known = sink.entries.length;
    const revoke = async (path: string, body?: object) => (await auth.admin('POST', path, body)).json();
    t.strictSame(await revoke(`/api-keys/${id}/revoke`), { revoked: true });
    const entries = sink.entries.slice(known);
    t.match(entries, [{ kind: 'session', iss: ISSUER, sid: id }]);
    t.ok((entries[0]?.exp ?? 0) >= exp + 120, 'for as long as any token of it lives');
    t.equal(await works(text), 404);
    t.match(await find(id), { status: 'revoked' });
    t.strictSame(await revoke(`/api-keys/${id}/revoke`), { revoked: true }, 'again');
    t.equal(sink.entries.length, known + 1);
    const { api_key: second } = await create();
    t.strictSame(await revoke('/revocations', { kind: 'session', sid: idOf(second) }), { revoked: true });
    t.equal(await works(second), 404, 'by the id of its session as well');
    t.equal((await auth.admin('POST', '/api-keys/nobody/revoke')).status, 404);
  });

  t.test('by command, and clients likewise', async (t) => byCommand(t, auth));
});

async function byCommand(t: Test, auth: TestAuth): Promise<void> {
  const dir = join(t.testdir(), 'pki');
  mkdirSync(dir, { recursive: true });
  const { ca, cert = '', key = '' } = auth.operator;
  for (const [name, pem] of Object.entries({ ca, operator: cert, 'operator-key': key }))
    writeFileSync(join(dir, `${name}.pem`), pem);
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const keyFile = join(dir, 'billing.pem');
  writeFileSync(keyFile, publicKey.export({ format: 'pem', type: 'spki' }));
  writeFileSync(join(dir, 'bad.pem'), 'nothing');
  const env = { PKI_DIR: dir, AUTH_INTERNAL_URL: auth.internalUrl };
  const run = (line: string) => runCli(line.split(' '), env);
  const token = async (form: Record<string, string>, headers = {}) =>
    (await postForm(auth, '/oauth/token', form, headers)).status;
  const grant = { grant_type: 'client_credentials' };

  const [madeKey, client, billing, badKey, both, usage] = await Promise.all([
    run('api-keys create nightly --service export --scope orders:read --expires-in 90d'),
    run('clients create orders --scope orders:read --token-ttl 1h --dpop --json'),
    run(`clients create billing --key ${keyFile}`),
    run(`clients create bad --key ${join(dir, 'bad.pem')}`),
    run(`clients create bad --key ${keyFile} --certificate-name URI:spiffe://a/b`),
    run('api-keys create nightly'),
  ]);
  t.match(madeKey, { code: 0, stdout: /^gtk_\S+\n$/ }, madeKey.stderr);
  t.match(JSON.parse(client.stdout), { client: { token_ttl: 3600, dpop_bound_access_tokens: true } });
  t.match(billing, { code: 0, stdout: 'billing can get tokens\n' }, billing.stderr);
  t.equal(await token(assertionForm(await assertion('billing', privateKey))), 200);
  t.match(badKey, { code: 1, stderr: /^gatehouse: .*bad\.pem holds no key, as PEM or JWK/m });
  t.strictSame([both.code, usage.code], [2, 2], 'wrong usage');

  const id = idOf(madeKey.stdout);
  const [rotatedKey, rotated, taken] = await Promise.all([
    run(`api-keys rotate ${id} --overlap 24h`),
    run('clients rotate orders --overlap 0s'),
    run('clients create billing'),
  ]);
  t.match(rotatedKey, { code: 0, stdout: /^gtk_\S+\n$/ });
  t.match(rotated, { code: 0, stdout: /^gcs_\S+\n$/ });
  t.equal(await token(grant, basic('orders', rotated.stdout.trim())), 400, 'it needs a proof, and is known');
  t.match(taken, { code: 1, stderr: /409 conflict/ });

  const [revoked, disabled, unknown] = await Promise.all([
    run(`api-keys revoke ${id}`),
    run('clients disable billing'),
    run('api-keys revoke nobody'),
  ]);
  t.match(revoked, { code: 0, stdout: `${id} is revoked\n` });
  t.match(disabled, { code: 0, stdout: 'billing is disabled\n' });
  t.match(unknown, { code: 1, stderr: /404 not_found/ });
  const [keys, clients] = await Promise.all([run('api-keys list'), run('clients list')]);
  t.match(keys.stdout, new RegExp(`^${id} +nightly +revoked +export +orders:read `, 'm'));
  t.match(clients.stdout, /^billing +disabled +billing +private_key_jwt +client_credentials /m);
  t.notMatch(keys.stdout + clients.stdout, /gtk_|gcs_/);
  await restByCommand(t, auth, run);
}

/** What else an operator does: the record, the signing keys, and revoking. */
async function restByCommand(
  t: Test,
  auth: TestAuth,
  run: (line: string) => ReturnType<Cli['run']>,
): Promise<void> {
  const { session_id } = await auth.login();
  const [revoked, listed, tooNew, audit, wrong, unknown] = await Promise.all([
    run(`revoke session ${session_id}`),
    run('keys list --json'),
    run('keys rotate'),
    run('audit --since 1h --kind api-key.revoked --json'),
    run('revoke not-before yesterday'),
    run('keys revoke nobody'),
  ]);
  t.equal(revoked.code, 0, revoked.stderr);
  const { keys } = JSON.parse(listed.stdout) as { keys: { kid: string; state: string }[] };
  t.strictSame(keys.map(({ state }) => state).sort(), ['active', 'next']);
  t.match(tooNew, { code: 1, stderr: /409 key_too_new/ });
  const records = audit.stdout.trim().split('\n');
  for (const record of records)
    t.match(JSON.parse(record), { action: 'api-key.revoked', actor: 'operator', subject: 'svc:export' });
  t.equal(wrong.code, 2);
  t.match(unknown, { code: 1, stderr: /404 not_found/ });
  const active = keys.find(({ state }) => state === 'active')?.kid ?? '';
  t.match(await run(`keys revoke ${active}`), {
    code: 0,
    stdout: new RegExp(`^${active} is revoked, \\S+ signs\n`),
  });
}
