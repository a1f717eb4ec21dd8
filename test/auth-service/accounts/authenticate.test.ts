import t from 'tap';
import type { Account } from '../../../auth-service/accounts/account.js';
import { createAuthenticate } from '../../../auth-service/accounts/authenticate.js';
import type { Throttle } from '../../../auth-service/accounts/throttle.js';
import type { Database } from '../../../auth-service/stores/database.js';
import { fakeClock } from '../../fixtures/fake-clock.js';

const account: Account = {
  id: '6f1c1a1e-0000-4000-8000-000000000000',
  email: 'ann@example.test',
  passwordHash: 'hash',
  passwordVersion: 1,
  status: 'active',
  roles: [],
  scopes: [],
  tokenVersion: 1,
  createdAtMs: 0,
};
const origin = { requestId: 'r', ip: '192.0.2.1', userAgent: undefined };

/** The steps that a failed login takes. bench/login-timing.ts measures how long they take. */
async function steps(found: Account | undefined): Promise<string[]> {
  const taken: string[] = [];
  const database: Pick<Database, 'run'> = {
    run: <T>() => {
      taken.push('query');
      return Promise.resolve(found as T);
    },
  };
  const throttle: Throttle = {
    begin: () => {
      taken.push('throttle');
      return Promise.resolve({
        failed: (record) => {
          taken.push(`count, ${record === undefined ? 'no' : 'a'} record`);
          return Promise.resolve();
        },
        succeeded: () => Promise.reject(new Error('it has not')),
      });
    },
  };
  const authenticate = createAuthenticate({
    database: database as Database,
    clock: fakeClock(),
    throttle,
    hasher: {
      hash: () => Promise.reject(new Error('nothing to hash')),
      verify: () => {
        taken.push('verify');
        return Promise.resolve(false);
      },
      isOutdated: () => {
        taken.push('look at the hash');
        return true;
      },
    },
    devices: { issue: () => '', identify: () => undefined },
  });
  const credentials = { email: account.email, password: 'wrong', deviceToken: undefined };
  await authenticate(credentials, origin).catch((error: { code: string }) => taken.push(error.code));
  return taken;
}

t.test('a known and an unknown account take the same steps to the same answer', async (t) => {
  const known = await steps(account);
  t.strictSame(known, ['throttle', 'query', 'verify', 'count, a record', 'invalid_credentials']);
  t.strictSame(await steps(undefined), known);
  t.strictSame(await steps({ ...account, status: 'disabled' }), known);
});
