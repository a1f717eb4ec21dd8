import t from 'tap';
import { dueKeyWork, usableInMs } from '../../../auth-service/keys/due-key-work.js';
import type { SigningKeyState, StoredSigningKey } from '../../../auth-service/keys/signing-key.js';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const NOW = 100 * DAY_MS;
const settings = { algorithm: 'ES256', rotateEveryMs: 30 * DAY_MS, jwksMaxAgeMs: 5 * MINUTE_MS } as const;

function key(state: SigningKeyState, changes: Partial<StoredSigningKey> = {}): StoredSigningKey {
  return {
    kid: state,
    algorithm: 'ES256',
    state,
    publicJwk: {},
    privateKey: undefined,
    createdAtMs: NOW - 40 * DAY_MS,
    activatedAtMs: state === 'next' ? undefined : NOW - DAY_MS,
    retiringAtMs: undefined,
    goneAtMs: undefined,
    tokensExpireS: 0,
    ...changes,
  };
}
const due = (...keys: StoredSigningKey[]) => dueKeyWork(keys, NOW, settings).map(({ kind }) => kind);

t.test('one key signs and one waits, always', async (t) => {
  t.strictSame(due(), ['start']);
  t.strictSame(due(key('retiring', { tokensExpireS: NOW })), ['start']);
  t.strictSame(due(key('active')), ['make-next']);
  t.strictSame(due(key('active'), key('next')), []);
});

t.test('rotation waits for the time, and until every cache must have seen the next key', async (t) => {
  const old = key('active', { activatedAtMs: NOW - 30 * DAY_MS });
  t.strictSame(due(old, key('next')), ['rotate']);
  t.strictSame(due(key('active', { activatedAtMs: NOW - 30 * DAY_MS + 1 }), key('next')), []);
  const LEAD_MS = settings.jwksMaxAgeMs + 30_000;
  const fresh = (ageMs: number) => key('next', { createdAtMs: NOW - ageMs });
  t.strictSame(due(old, fresh(LEAD_MS)), ['rotate']);
  t.strictSame(due(old, fresh(LEAD_MS - 1)), []);
  t.strictSame(
    [LEAD_MS, LEAD_MS - 1, 0].map((ageMs) => usableInMs(fresh(ageMs), NOW, settings)),
    [0, 1, LEAD_MS],
  );
});

t.test('a key is published until two minutes after its last token', async (t) => {
  const retiring = (tokensExpireS: number) =>
    due(key('active'), key('next'), key('retiring', { tokensExpireS }));
  t.strictSame(retiring(NOW / 1000 - 120), ['withdraw']);
  t.strictSame(retiring(NOW / 1000 - 119), []);
  t.strictSame(due(key('active', { tokensExpireS: 1 }), key('next')), [], 'only when it has been replaced');
});
