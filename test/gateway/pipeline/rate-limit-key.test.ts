import t from 'tap';
import type { Identity } from '../../../contracts/identity-headers.js';
import { rateLimitKey } from '../../../gateway/pipeline/rate-limit-key.js';
import { RATE_LIMIT_BY, type RateLimitBy } from '../../../gateway/pipeline/route.js';
import type { Authorized } from '../../../gateway/pipeline/states.js';

const USER: Identity = {
  kind: 'user',
  issuer: 'https://i.test',
  subject: 'ann',
  client: 'app',
  session: 's1',
  scopes: [],
  roles: [],
};
const ANONYMOUS: Identity = { kind: 'anonymous', scopes: [], roles: [] };

const key = (by: RateLimitBy, identity: Partial<Identity>, remoteAddress = '192.0.2.1') =>
  rateLimitKey(by, { identity, request: { remoteAddress } } as unknown as Authorized);

t.test('each is counted by what the limit says', async (t) => {
  const apiKey: Identity = { ...USER, kind: 'api-key' };
  const others: Record<RateLimitBy, Partial<Identity>> = {
    subject: { subject: 'bob' },
    client: { client: 'other' },
    api_key: { session: 's2' },
    address: {},
  };
  for (const by of RATE_LIMIT_BY) {
    for (const [part, change] of Object.entries(others)) {
      const isSame = key(by, apiKey) === key(by, { ...apiKey, ...change });
      t.equal(isSame, part !== by || by === 'address', `by ${by}, another ${part}`);
    }
    t.equal(key(by, apiKey) === key(by, apiKey, '192.0.2.2'), by !== 'address', `by ${by}, another address`);
    t.equal(
      key(by, apiKey) === key(by, { ...apiKey, issuer: 'https://j.test' }),
      by === 'address',
      `by ${by}, another issuer`,
    );
  }
});

t.test('leaving something out is no way around a limit', async (t) => {
  const { client: _, ...withoutClient } = USER;
  t.equal(key('client', withoutClient), key('subject', USER), 'no client: by subject');
  t.equal(key('api_key', USER), key('subject', USER), 'no API key, only a session: by subject');
  for (const by of RATE_LIMIT_BY)
    t.equal(key(by, ANONYMOUS), key('address', USER), `nobody, where it counts by ${by}: by address`);
  t.not(key('client', ANONYMOUS), key('client', ANONYMOUS, '192.0.2.2'));
});

t.test('nobody can have themselves counted as somebody else', async (t) => {
  const address = key('address', ANONYMOUS);
  const [, ...rest] = address.split(' ');
  for (const subject of ['192.0.2.1', address, rest.join(' '), `0  192.0.2.1`])
    t.not(key('subject', { ...USER, issuer: '', subject }), address, subject);
  t.not(
    key('subject', { ...USER, issuer: 'a', subject: 'b c' }),
    key('subject', { ...USER, issuer: 'a b', subject: 'c' }),
  );
  t.not(
    key('client', { ...USER, client: 'ann' }),
    key('subject', USER),
    'a client that is called as a subject',
  );
});

t.test('an IPv6 customer has one address, however many they use', async (t) => {
  const group = key('address', ANONYMOUS, '2001:db8:1:2::1');
  t.equal(key('address', ANONYMOUS, '2001:db8:1:2:ffff::9'), group);
  t.not(key('address', ANONYMOUS, '2001:db8:1:3::1'), group);
  t.equal(key('address', ANONYMOUS, '::ffff:192.0.2.1'), key('address', ANONYMOUS));
});
