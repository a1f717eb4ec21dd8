import t from 'tap';
import type { RevocationEntry } from '../../../contracts/revocation.js';
import { checkRevocation } from '../../../gateway/pipeline/check-revocation.js';
import { decideCaller } from '../../../gateway/pipeline/decide-caller.js';
import type { GatewayPorts, Revocations } from '../../../gateway/pipeline/ports.js';
import type { Routed, Verified } from '../../../gateway/pipeline/states.js';

const MAX_STALENESS_MS = 10_000;
const ENTRY: RevocationEntry = { kind: 'session', iss: 'i', sid: 's', exp: 4_000_000_000 };

type Found = RevocationEntry | 'unanswered' | undefined;
type Way = 'the copy' | 'a look-up';
interface Given {
  ageMs?: number;
  onStale?: 'deny' | 'allow';
  by?: Way;
}

/** The copy answers at once, a look-up with a promise. */
const check = async (found: Found, { ageMs = 0, onStale = 'deny', by = 'a look-up' }: Given = {}) => {
  const verified = { token: {}, route: { onStale }, snapshot: { maxStalenessMs: MAX_STALENESS_MS } };
  const find = (() => (by === 'the copy' ? found : Promise.resolve(found))) as Revocations['find'];
  const unrevoked = checkRevocation(verified as unknown as Verified, { find, ageMs: () => ageMs });
  t.equal(unrevoked instanceof Promise, by === 'a look-up');
  return unrevoked;
};
const WAYS: readonly Way[] = ['the copy', 'a look-up'];
const STALE = { code: 'revocation_stale', status: 503 };
const REVOKED = { code: 'token_revoked', status: 401 };

t.test('a copy decides for as long as it is not too old', async (t) => {
  for (const by of WAYS) {
    t.match(await check(undefined, { ageMs: MAX_STALENESS_MS, by }), { revocationChecked: true });
    await t.rejects(check(undefined, { ageMs: MAX_STALENESS_MS + 1, by }), STALE);
    await t.rejects(check(undefined, { ageMs: Number.POSITIVE_INFINITY, by }), STALE, 'never in sync');
    t.ok(await check(undefined, { ageMs: MAX_STALENESS_MS + 1, onStale: 'allow', by }));
  }
});

t.test('what is known to be revoked stays so, however old the copy', async (t) => {
  for (const by of WAYS)
    for (const onStale of ['deny', 'allow'] as const)
      await t.rejects(check(ENTRY, { ageMs: Number.POSITIVE_INFINITY, onStale, by }), REVOKED);
});

t.test('no answer is not the answer "not revoked", however lately there was one', async (t) => {
  await t.rejects(check('unanswered'), STALE);
  t.ok(await check('unanswered', { onStale: 'allow' }));
});

t.test('report-only lets a refusal through, never a fault of ours', async (t) => {
  const route = {
    access: 'protected',
    reportOnly: true,
    get credentials(): never {
      throw new TypeError('a fault of ours');
    },
  };
  const decide = async () => decideCaller({ route } as unknown as Routed, {} as GatewayPorts);
  await t.rejects(decide(), { name: 'TypeError' });
});
