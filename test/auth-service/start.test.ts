import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { loadAuthConfig, startAuthService } from '../../auth-service/index.js';
import { createLogger } from '../../kit/logger.js';
import { StartupError } from '../../kit/startup-error.js';
import { freePort } from '../fixtures/free-port.js';
import { needsPostgres, testDatabase } from '../fixtures/postgres.js';
import { sql } from '../fixtures/sql.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';
import { testAuthConfig, testAuthService } from '../fixtures/test-auth-service.js';

const quiet = { logger: createLogger('auth-service', { level: 'silent' }) };

t.test('start', needsPostgres, async (t) => {
  t.test(
    'five instances at once on an empty database make one schema, one signing key and one in waiting',
    async (t) => {
      const databaseUrl = await testDatabase(t);
      const instances = await Promise.all(
        Array.from({ length: 5 }, () => testAuthService(t, { databaseUrl })),
      );
      const keySets = await Promise.all(instances.map((auth) => auth.get('/.well-known/jwks.json')));
      t.equal(new Set(keySets.map((response) => response.text)).size, 1);
      t.strictSame(await sql(databaseUrl, 'SELECT state FROM signing_keys ORDER BY state'), [
        { state: 'active' },
        { state: 'next' },
      ]);
      const { refresh_token } = (await instances[0]?.login()) ?? {};
      t.equal(
        (await instances[4]?.refresh(refresh_token ?? ''))?.status,
        200,
        'each takes what another issued',
      );
    },
  );

  t.test('what is doubtful about the config is logged, and nothing of a secret', async (t) => {
    const key = randomBytes(32).toString('base64url');
    const file = join(temporaryFolder(t), 'key');
    writeFileSync(file, key, { mode: 0o644 });
    const lines: string[] = [];
    const destination = { write: (line: string) => void lines.push(line) };
    await testAuthService(t, {
      databaseUrl: await testDatabase(t),
      encryptionKey: `file:${file}`,
      logger: createLogger('auth-service', { destination }),
    });
    const warnings = lines.filter((line) => line.includes('"config: '));
    t.match(
      warnings.map((line) => JSON.parse(line) as object),
      [{ level: 40, code: 'config_secret_readable', at: /config\/auth\.yaml:\d+:\d+$/ }],
    );
    t.equal(warnings.length, 1);
    t.notMatch(lines.join(''), key);
  });

  t.test(
    'the database holds no key in the clear, and another key-encryption key opens nothing',
    async (t) => {
      const databaseUrl = await testDatabase(t);
      const old = randomBytes(32);
      const config = await testAuthConfig(t, { databaseUrl, encryptionKey: old.toString('base64url') });
      await (await startAuthService(config, quiet)).stop();
      const [row] = (await sql(databaseUrl, 'SELECT private_key_box AS box FROM signing_keys')) as {
        box: Buffer;
      }[];
      t.notMatch(row?.box.toString('latin1'), 'PRIVATE KEY');
      const wrong = { version: 1, key: randomBytes(32) };
      const unknown = { version: 2, key: old };
      for (const encryptionKeys of [[wrong], [unknown]]) {
        await t.rejects(startAuthService({ ...config, encryptionKeys }, quiet), {
          constructor: StartupError,
          message: /cannot decrypt signing key .* keys.encryption_keys/,
        });
      }
      const rotated = {
        ...config,
        encryptionKeys: [
          { version: 2, key: randomBytes(32) },
          { version: 1, key: old },
        ],
      };
      await (await startAuthService(rotated, quiet)).stop();
    },
  );

  t.test('what the operator has to put right is one line', async (t) => {
    const databaseUrl = await testDatabase(t);
    const config = await testAuthConfig(t, { databaseUrl });
    const occupied = createServer().listen(0, '127.0.0.1');
    await once(occupied, 'listening');
    t.teardown(() => occupied.close());
    const { port } = occupied.address() as { port: number };
    const cases: [Partial<typeof config>, RegExp][] = [
      [{ listen: { host: '127.0.0.1', port } }, /cannot listen on 127\.0\.0\.1:\d+: in use/],
      [
        { databaseUrl: `postgres://u:secret@127.0.0.1:${await freePort()}/x` },
        /cannot prepare the database: .*ECONNREFUSED/,
      ],
      [{ tls: { ...config.tls, key: config.tls.cert } }, /is not a PEM file/],
      [{ tls: { ...config.tls, ca: '/nowhere/ca.pem' } }, /cannot read \/nowhere\/ca\.pem: ENOENT/],
    ];
    for (const [change, message] of cases) {
      const error = await startAuthService({ ...config, ...change }, quiet).then(
        () => undefined,
        (e: unknown) => e as Error,
      );
      t.ok(error instanceof StartupError);
      t.match(error?.message, message);
      t.notMatch(error?.message, /secret|\n/);
    }
  });
});

t.test('the config file tells everything that is wrong at once, with its place', async (t) => {
  const dir = temporaryFolder(t);
  const file = join(dir, 'auth.yaml');
  writeFileSync(
    file,
    `public_url: ftp://x/
listen: { host: 127.0.0.1, port: 0 }
internal: { host: 127.0.0.1, port: 0 }
tls: { dir: pki, ca: ca.pem, cert: c.pem, key: k.pem }
database: { url: mysql://x }
keys:
  encryption_keys:
    - { version: 1, key: tooshort }
    - { version: 1, key: "file:nowhere" }
  rotate_every: 47h
tokens: { access_ttl: 2d, audience: a }
sessions: { idle: 7d, absolute: 1d, grace: 61s, lost_response: 5m }
cookies: { allowed_origins: [https://a.test/] }
log: { level: info }
`,
  );
  const error = t.throws(() => loadAuthConfig(file, {})) as {
    problems?: { line: number; message: string }[];
  };
  t.strictSame(error.problems?.map(({ line, message }) => `${line} ${message.split(' ', 1)[0]}`).sort(), [
    '1 public_url',
    '10 keys.rotate_every',
    '11 tokens.access_ttl',
    '12 sessions.absolute',
    '12 sessions.grace',
    '13 cookies.allowed_origins.0',
    '5 database.url',
    '8 keys.encryption_keys.0.key',
    '9 keys.encryption_keys.1',
    '9 the',
  ]);
  t.notMatch(JSON.stringify(error), 'tooshort');
});
