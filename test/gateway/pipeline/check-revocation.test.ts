import t from 'tap';
import type { RevocationEntry } from '../../../contracts/revocation.js';
import { checkRevocation } from '../../../gateway/pipeline/check-revocation.js';
import { decideCaller } from '../../../gateway/pipeline/decide-caller.js';
import type { GatewayPorts } from '../../../gateway/pipeline/ports.js';
import type { Routed, Verified } from '../../../gateway/pipeline/states.js';

const MAX_STALENESS_MS = 10_000;
const ENTRY: RevocationEntry = { kind: 'session', iss: 'i', sid: 's', exp: 4_000_000_000 };

const check = (
  found: RevocationEntry | 'unanswered' | undefined,
  { ageMs = 0, onStale = 'deny' }: { ageMs?: number; onStale?: 'deny' | 'allow' } = {},
) => {
  const verified = { token: {}, route: { onStale }, snapshot: { maxStalenessMs: MAX_STALENESS_MS } };
  return checkRevocation(verified as unknown as Verified, { find: async () => found, ageMs: () => ageMs });
};
const STALE = { code: 'revocation_stale', status: 503 };
const REVOKED = { code: 'token_revoked', status: 401 };

t.test('a copy decides for as long as it is not too old', async (t) => {
  t.match(await check(undefined, { ageMs: MAX_STALENESS_MS }), { revocationChecked: true });
  await t.rejects(check(undefined, { ageMs: MAX_STALENESS_MS + 1 }), STALE);
  await t.rejects(check(undefined, { ageMs: Number.POSITIVE_INFINITY }), STALE, 'never in sync');
  t.ok(await check(undefined, { ageMs: MAX_STALENESS_MS + 1, onStale: 'allow' }));
});

t.test('what is known to be revoked stays so, however old the copy', async (t) => {
  for (const onStale of ['deny', 'allow'] as const)
    await t.rejects(check(ENTRY, { ageMs: Number.POSITIVE_INFINITY, onStale }), REVOKED);
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
  const decided = decideCaller({ route } as unknown as Routed, {} as GatewayPorts);
  await t.rejects(decided, { name: 'TypeError' });
});
