import t, { type Test } from 'tap';
import type { RevocationEntry, RevocationFeed, RevocationSink } from '../../../contracts/revocation.js';
import { RevocationIndex } from '../../../gateway/adapters/revocation-index.js';
import { RevocationReplica } from '../../../gateway/adapters/revocation-replica.js';
import type { VerifiedToken } from '../../../gateway/pipeline/states.js';
import { createLogger } from '../../../kit/logger.js';
import { fakeClock } from '../../fixtures/fake-clock.js';

const token = (changes: Partial<VerifiedToken> = {}): VerifiedToken => ({
  issuer: 'i',
  subject: 'u',
  expiresAt: 2_000,
  issuedAt: 1_000,
  client: 'c',
  session: 's',
  tokenId: 'j',
  version: 3,
  keyId: 'k',
  scopes: [],
  roles: [],
  claims: {},
  ...changes,
});

/** A feed moved by hand. */
function manualFeed() {
  const follows: { sink: RevocationSink; lose: (error: Error) => void; signal: AbortSignal }[] = [];
  const feed: RevocationFeed = {
    follow: (sink, signal) =>
      new Promise((resolve, reject) => {
        follows.push({ sink, lose: reject, signal });
        signal.addEventListener('abort', () => resolve());
      }),
  };
  return { feed, follows };
}

function setUp(t: Test, withFallback = false) {
  const lines: string[] = [];
  const clock = fakeClock();
  const primary = manualFeed();
  const fallback = manualFeed();
  const replica = new RevocationReplica({
    primary: primary.feed,
    ...(withFallback ? { fallback: fallback.feed } : {}),
    clock,
    logger: createLogger('test', { destination: { write: (line) => void lines.push(line) } }),
  });
  replica.start();
  t.teardown(() => replica.stop());
  const said = () => lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
  return { clock, replica, said, primary: primary.follows, fallback: fallback.follows };
}

t.test('an index finds what each kind of entry covers, of its own issuer only', async (t) => {
  const cases: [RevocationEntry, Partial<VerifiedToken>, Partial<VerifiedToken>][] = [
    [{ kind: 'token', iss: 'i', jti: 'j', exp: 9 }, {}, { tokenId: 'other' }],
    [{ kind: 'session', iss: 'i', sid: 's', exp: 9 }, {}, { session: 'other' }],
    [{ kind: 'subject', iss: 'i', sub: 'u', ver: 4, exp: 9 }, {}, { version: 4 }],
    [{ kind: 'subject', iss: 'i', sub: 'u', ver: 4, exp: 9 }, {}, { version: undefined }],
    [{ kind: 'key', iss: 'i', kid: 'k', exp: 9 }, {}, { keyId: 'other' }],
    [{ kind: 'not-before', iss: 'i', before: 1_001, exp: 9 }, {}, { issuedAt: 1_001 }],
    [
      { kind: 'not-before', iss: 'i', before: 1_001, client: 'c', exp: 9 },
      { issuedAt: undefined },
      { client: 'other' },
    ],
    [{ kind: 'not-before', iss: 'i', before: 1_001, sub: 'u', exp: 9 }, {}, { subject: 'other' }],
    [{ kind: 'not-before', iss: 'i', before: 1_001, client: 'c', sub: 'u', exp: 9 }, {}, { client: 'other' }],
    [
      { kind: 'not-before', iss: 'i', before: 1_001, client: 'c', sub: 'u', exp: 9 },
      {},
      { client: undefined },
    ],
    [
      { kind: 'not-before', iss: 'i', before: 1_001, client: 'c', sub: 'u', exp: 9 },
      {},
      { subject: 'other' },
    ],
  ];
  for (const [entry, covered, other] of cases) {
    const index = new RevocationIndex();
    index.merge(entry);
    t.ok(index.find(token(covered)), `${JSON.stringify(entry)} covers`);
    t.notOk(index.find(token(other)), `${JSON.stringify(entry)} and not`);
    t.notOk(index.find(token({ ...covered, issuer: 'another' })), 'of another issuer');
  }
});

t.test('an entry goes at its expiry, and a shorter one never shortens a longer one', async (t) => {
  const index = new RevocationIndex();
  index.merge({ kind: 'session', iss: 'i', sid: 's', exp: 200 });
  index.merge({ kind: 'session', iss: 'i', sid: 's', exp: 100 });
  index.merge({ kind: 'subject', iss: 'i', sub: 'u', ver: 9, exp: 200 });
  index.merge({ kind: 'subject', iss: 'i', sub: 'u', ver: 2, exp: 300 });
  index.sweep(150_000);
  t.ok(index.find(token({ tokenId: 'x', version: 9 })));
  index.sweep(200_000);
  t.notOk(index.find(token({ version: 9 })));
  t.ok(index.find(token({ version: 8 })), 'the higher version and the later expiry stay');
  index.sweep(300_000);
  t.equal(index.size, 0);
});

t.test('a sweep goes on where it stopped, and sees what came in between', async (t) => {
  const index = new RevocationIndex();
  for (let i = 0; i < 5; i++) index.merge({ kind: 'token', iss: 'i', jti: `t${i}`, exp: 100 });
  index.merge({ kind: 'session', iss: 'i', sid: 'later', exp: 300 });
  const sizes = [200_000, 200_000].map((nowMs) => {
    index.sweep(nowMs, 2);
    return index.size;
  });
  t.strictSame(sizes, [4, 2]);
  index.merge({ kind: 'token', iss: 'i', jti: 't5', exp: 100 });
  index.sweep(200_000, 100);
  t.equal(index.size, 1);
  index.sweep(400_000);
  t.equal(index.size, 0, 'the next one begins anew');
});

t.test('times of several scopes hold beside each other, each the later and for the longer', async (t) => {
  const index = new RevocationIndex();
  index.merge({ kind: 'not-before', iss: 'i', before: 500, exp: 400 });
  index.merge({ kind: 'not-before', iss: 'i', before: 1_001, sub: 'u', exp: 100 });
  index.merge({ kind: 'not-before', iss: 'i', before: 900, sub: 'u', exp: 300 });
  index.merge({ kind: 'not-before', iss: 'i', before: 2_001, client: 'c', exp: 200 });
  t.equal(index.size, 3);
  t.ok(index.find(token({ client: 'other' })), 'by its subject');
  t.ok(index.find(token({ subject: 'other', issuedAt: 2_000 })), 'by its client');
  t.ok(index.find(token({ subject: 'other', client: undefined, issuedAt: 499 })), 'by its issuer');
  t.notOk(index.find(token({ subject: 'other', client: undefined })));
  index.sweep(200_000);
  t.notOk(index.find(token({ issuedAt: 1_001 })));
  t.ok(index.find(token()));
  index.sweep(400_000);
  t.equal(index.size, 0);
});

t.test('an outage of a feed is said once, and that it is back', async (t) => {
  const { clock, primary, said } = setUp(t);
  for (let attempt = 0; attempt < 5; attempt++) {
    primary[attempt]?.lose(new Error('no connection'));
    await clock.advance(500);
    t.equal(primary.length, attempt + 2, 'it is tried again');
  }
  t.strictSame(said(), ['revocation feed lost']);
  primary.at(-1)?.sink.answered();
  t.equal(said().length, 1, 'an answer before the whole list is none');
  primary.at(-1)?.sink.synced();
  primary.at(-1)?.sink.answered();
  t.strictSame(said(), ['revocation feed lost', 'revocation feed is back']);
  primary.at(-1)?.lose(new Error('no connection'));
  await clock.advance(500);
  t.equal(said().at(-1), 'revocation feed lost', 'and the next outage again');
});

t.test('the copy is as old as the last answer of a feed that is in sync', async (t) => {
  const { clock, replica, primary } = setUp(t);
  t.equal(replica.ageMs(), Number.POSITIVE_INFINITY);
  t.notOk(replica.synced);
  primary[0]?.sink.answered();
  t.notOk(replica.synced, 'an answer before the whole list is in counts for nothing');
  primary[0]?.sink.synced();
  t.ok(replica.synced);
  await clock.advance(4000);
  t.equal(replica.ageMs(), 4000);
  primary[0]?.sink.answered();
  t.equal(replica.ageMs(), 0);
});

t.test('a feed that is lost is followed again, and the copy keeps what it has', async (t) => {
  const { clock, replica, primary } = setUp(t);
  primary[0]?.sink.merge([{ kind: 'session', iss: 'i', sid: 's', exp: 4_000_000_000 }]);
  primary[0]?.sink.synced();
  primary[0]?.lose(new Error('gone'));
  await clock.advance(499);
  t.equal(primary.length, 1);
  await clock.advance(1);
  t.equal(primary.length, 2);
  primary[1]?.sink.synced();
  t.ok(replica.find(token()), 'the new list does not have it, the copy still does');
});

t.test('the fallback is followed while the primary is silent, and left when it is back', async (t) => {
  const { clock, replica, primary, fallback } = setUp(t, true);
  primary[0]?.sink.synced();
  for (let i = 0; i < 5; i++) {
    await clock.advance(1000);
    primary[0]?.sink.answered();
  }
  t.equal(fallback.length, 0);
  await clock.advance(3000);
  t.equal(fallback.length, 1);
  fallback[0]?.sink.merge([{ kind: 'session', iss: 'i', sid: 's', exp: 4_000_000_000 }]);
  fallback[0]?.sink.synced();
  t.equal(replica.ageMs(), 0, 'its answers count');
  t.ok(replica.find(token()));
  primary[0]?.sink.answered();
  await clock.advance(1000);
  t.ok(fallback[0]?.signal.aborted);
});

t.test(
  'the lag is how long the newest entry was on its way, where the feed says when it set out',
  async (t) => {
    const { clock, replica, primary } = setUp(t);
    const entry: RevocationEntry = { kind: 'token', iss: 'i', jti: 'x', exp: 9e9 };
    primary[0]?.sink.merge([entry]);
    t.equal(replica.lagMs, undefined);
    primary[0]?.sink.merge([entry], clock.now() - 120);
    t.equal(replica.lagMs, 120);
    primary[0]?.sink.merge([entry], clock.now() + 50);
    t.equal(replica.lagMs, 0, 'a clock ahead of ours');
    t.end();
  },
);

t.test('a primary that breaks off is not waited for', async (t) => {
  const { clock, primary, fallback } = setUp(t, true);
  primary[0]?.sink.synced();
  await clock.advance(1);
  primary[0]?.lose(new Error('gone'));
  await clock.advance(0);
  t.equal(fallback.length, 1, 'the fallback is followed at once');
  await clock.advance(1000);
  t.equal(primary.length, 2);
  t.notOk(fallback[0]?.signal.aborted, 'and until the primary has its whole list in');
  primary[1]?.sink.synced();
  await clock.advance(500);
  t.ok(fallback[0]?.signal.aborted);
});
