import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { FetchJwks } from '../../../gateway/adapters/fetch-jwks.js';
import { JwksCache } from '../../../gateway/adapters/jwks-cache.js';
import { createKeyFile } from '../../../gateway/adapters/key-file.js';
import { createLogger } from '../../../kit/logger.js';
import { fakeClock } from '../../fixtures/fake-clock.js';
import { temporaryFolder } from '../../fixtures/temporary-folder.js';
import { testKey } from '../../fixtures/test-issuer.js';

const HOUR_MS = 3_600_000;
const ISSUER = 'https://id.test';
const SOURCE = 'https://id.test/jwks';
const START_MS = Date.UTC(2030, 0, 1);

const away: FetchJwks = () => Promise.reject(new Error('the issuer is away'));

/** One life of a gateway's key cache over a folder. */
async function live(
  t: Test,
  dir: string,
  fetch: FetchJwks,
  options: { nowMs?: number; issuer?: string; source?: string } = {},
) {
  const { nowMs = START_MS, issuer = ISSUER, source = SOURCE } = options;
  const logs: string[] = [];
  const clock = fakeClock(nowMs);
  const cache = new JwksCache({
    name: 'id',
    issuer,
    source,
    algorithms: ['ES256'],
    fetch,
    file: createKeyFile(dir, 'id', issuer, source),
    clock,
    logger: createLogger('test', { destination: { write: (line) => void logs.push(line) } }),
  });
  t.teardown(() => cache.stop());
  await cache.start();
  return { cache, clock, logs };
}

async function keptFolder(t: Test) {
  const key = await testKey();
  const dir = join(temporaryFolder(t), 'keys');
  const { cache } = await live(t, dir, async () => ({ body: { keys: [key.jwk] }, maxAgeMs: undefined }));
  await cache.stop();
  return { key, dir, file: join(dir, 'id.json') };
}

t.test('a gateway starts without its issuer from the keys that it last held', async (t) => {
  const { key, dir, file } = await keptFolder(t);
  t.equal(statSync(file).mode & 0o777, 0o600, 'the file is its owner’s alone');
  t.equal(statSync(dir).mode & 0o777, 0o700);
  const kept = JSON.parse(readFileSync(file, 'utf8')) as { keys: object[] };
  t.strictSame(Object.keys(kept.keys[0] ?? {}).sort(), ['alg', 'crv', 'kid', 'kty', 'x', 'y']);

  const { cache } = await live(t, dir, away, { nowMs: START_MS + HOUR_MS });
  t.ok(cache.available);
  t.ok(cache.find(key.kid));
  t.match(cache.status(), { age_ms: HOUR_MS, failures: 1 });
});

t.test('restarts do not make keys younger: a day after the last good answer they are no use', async (t) => {
  const { key, dir } = await keptFolder(t);
  const second = await live(t, dir, away, { nowMs: START_MS + 23 * HOUR_MS });
  t.ok(second.cache.available);
  await second.clock.advance(HOUR_MS + 1);
  t.notOk(second.cache.available, 'the day has run out in this life');
  await second.cache.stop();
  const third = await live(t, dir, away, { nowMs: START_MS + 24 * HOUR_MS + 1 });
  t.notOk(third.cache.available);
  t.equal(third.cache.find(key.kid), undefined);
});

t.test('what cannot be trusted on disk is not used', async (t) => {
  const { dir, file } = await keptFolder(t);
  const good = readFileSync(file, 'utf8');
  const refused = async (what: string, options: Parameters<typeof live>[3] = {}) => {
    const { cache, logs } = await live(t, dir, away, options);
    t.notOk(cache.available, what);
    return logs.join('');
  };
  await refused('of another issuer', { issuer: 'https://other.test' });
  await refused('from another source', { source: 'https://id.test/other' });
  t.match(await refused('from the future', { nowMs: START_MS - HOUR_MS }), 'from the future');
  for (const text of [good.slice(0, -20), '', '{}', 'null', good.replace('"EC"', '"oct"'), `[${good}]`]) {
    writeFileSync(file, text);
    await refused(`changed: ${text.slice(0, 20)}`);
  }
  writeFileSync(file, good);
  chmodSync(file, 0o666);
  t.match(await refused('writable by others'), 'chmod 600');
  chmodSync(file, 0o600);
  t.ok((await live(t, dir, away)).cache.available, 'and is used again once it is as it was');
});

t.test('a revoked key does not come back from disk', async (t) => {
  const [a, b] = [await testKey(), await testKey()];
  const dir = join(temporaryFolder(t), 'keys');
  const answer: FetchJwks = async () => ({ body: { keys: [a.jwk, b.jwk] }, maxAgeMs: undefined });
  const first = await live(t, dir, answer);
  first.cache.revoke(a.kid, START_MS / 1000 + 900);
  await first.cache.stop();
  const second = await live(t, dir, away);
  t.equal(second.cache.find(a.kid), undefined);
  t.ok(second.cache.find(b.kid));
});

t.test('a disk that cannot be written is an alarm and no outage', async (t) => {
  const key = await testKey();
  const dir = join(temporaryFolder(t), 'keys');
  writeFileSync(dir, 'a file is in the way');
  const { cache, logs } = await live(t, dir, async () => ({
    body: { keys: [key.jwk] },
    maxAgeMs: undefined,
  }));
  await cache.stop();
  t.ok(cache.find(key.kid));
  t.match(logs.join(''), 'could not be kept on disk');
});
