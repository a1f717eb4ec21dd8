import t from 'tap';
import { effectiveHere } from '../../../auth-service/keys/effective-here.js';

/** Was: a key revoked by `POST /revocations` was still in the key set that the same instance served after its answer. */
t.test('a change is answered once this instance goes by it', async (t) => {
  const steps: string[] = [];
  const step = (name: string) => async () => {
    steps.push(`${name} begins`);
    await new Promise(setImmediate);
    steps.push(`${name} is done`);
  };
  const keys = { reload: step('reload') };
  const changes = effectiveHere(
    {
      maintain: () => step('maintain')().then(() => true),
      rotate: () => step('rotate')().then(() => ({ active: 'b', retiring: 'a', next: 'c' })),
      revoke: (kid) => step(`revoke ${kid}`)().then(() => ({ seq: 7, active: 'b' })),
    },
    keys,
  );
  const operator = { actor: 'operator' } as const;
  const whole = (name: string) => [`${name} begins`, `${name} is done`, 'reload begins', 'reload is done'];

  t.strictSame(await changes.revoke('a', operator), { seq: 7, active: 'b' });
  t.strictSame(steps.splice(0), whole('revoke a'));
  t.strictSame(await changes.rotate(operator), { active: 'b', retiring: 'a', next: 'c' });
  t.strictSame(steps.splice(0), whole('rotate'));
  t.equal(await changes.maintain(), true);
  t.strictSame(steps.splice(0), whole('maintain'));
});

t.test('a change that was refused changes nothing here', async (t) => {
  const refuse = () => Promise.reject(new Error('refused'));
  const changes = effectiveHere(
    { maintain: refuse, rotate: refuse, revoke: refuse },
    { reload: async () => void t.fail('nothing to look at') },
  );
  await t.rejects(changes.revoke('a', { actor: 'operator' }), { message: 'refused' });
});
