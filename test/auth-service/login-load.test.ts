import { randomBytes } from 'node:crypto';
import pg from 'pg';
import t, { type Test } from 'tap';
import { WELL_KNOWN } from '../../contracts/well-known.js';
import { testDatabase } from '../fixtures/postgres.js';
import { testAuthService } from '../fixtures/test-auth-service.js';

const LOGINS = 40;
const COST = { memoryBytes: 64 * 1024 * 1024, passes: 3, lanes: 1 };

t.test('while logins wait for their hashes, a refresh and the keys are answered', async (t) => {
  const auth = await testAuthService(t, {
    databaseUrl: await testDatabase(t),
    change: (config) => ({ ...config, accounts: { ...config.accounts, passwordCost: COST } }),
  });
  const { refresh_token: token } = await auth.login();
  let answered = 0;
  // Of as many people and addresses, so that nothing is counted against any of them.
  const logins = Array.from({ length: LOGINS }, async (_, index) => {
    const body = { email: `${randomBytes(8).toString('hex')}@example.test`, password: 'nobody has this one' };
    const { status } = await auth.post('/auth/login', body, { 'x-forwarded-for': `192.0.2.${index}` });
    answered += 1;
    return status;
  });
  const [refreshed, keys] = await Promise.all([auth.refresh(token), auth.get(WELL_KNOWN.jwks)]);
  t.ok(answered < LOGINS / 2, `${answered} of ${LOGINS} logins were answered before them`);
  t.equal(refreshed.status, 200);
  t.equal(keys.status, 200);
  t.strictSame(new Set(await Promise.all(logins)), new Set([401]));
});

t.test('a refresh asks the database twice', async (t) => {
  const auth = await testAuthService(t, { databaseUrl: await testDatabase(t) });
  const { refresh_token: token } = await auth.login();
  const statements = recordStatements(t, /refresh_families|users/);
  t.equal((await auth.refresh(token)).status, 200);
  t.strictSame(
    statements.map((text) => text.split(' ')[0]),
    ['select', 'update'],
  );
});

/** What pg is asked from now on, in the whole process; what runs in the background asks about other tables. */
function recordStatements(t: Pick<Test, 'teardown'>, matching: RegExp): string[] {
  const statements: string[] = [];
  const { query } = pg.Client.prototype;
  const recorded = function (this: pg.Client, ...args: unknown[]): unknown {
    const [asked] = args;
    const text = typeof asked === 'string' ? asked : ((asked as { text?: string }).text ?? '');
    if (matching.test(text)) statements.push(text);
    return (query as (...args: unknown[]) => unknown).apply(this, args);
  };
  Object.assign(pg.Client.prototype, { query: recorded });
  t.teardown(() => Object.assign(pg.Client.prototype, { query }));
  return statements;
}
