import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type Identity, identityHeaderList } from '../../contracts/identity-headers.js';
import { packageRoot } from '../../kit/package-root.js';
import { IdentityError, readIdentity } from '../../upstream-kit/index.js';

interface Vectors {
  accept: { name: string; headers: [string, string][]; identity: Identity }[];
  refuse: { name: string; headers: [string, string][]; reason: string; header: string }[];
}

const { accept, refuse } = JSON.parse(
  readFileSync(join(packageRoot(), 'contracts/vectors/identity-v1.json'), 'utf8'),
) as Vectors;

t.test('what every reader has to make of the headers', (t) => {
  t.ok(accept.length >= 12);
  for (const { name, headers, identity } of accept) {
    t.strictSame(readIdentity(headers.flat()), identity, name);
    t.strictSame(readIdentity(Object.fromEntries(headers)), identity, `${name}, joined by Node`);
  }
  t.end();
});

t.test('what the gateway writes is what the readers are held to', (t) => {
  for (const { name, headers, identity } of accept) {
    const known = headers.filter(([header]) => !/-(assertion|later)$/.test(header));
    t.strictSame(identityHeaderList(identity), known.flat(), name);
  }
  t.end();
});

t.test('what every reader has to refuse', (t) => {
  t.ok(refuse.length >= 17);
  for (const { name, headers, reason, header } of refuse) {
    t.throws(
      () => readIdentity(headers.flat()),
      new IdentityError(reason as IdentityError['reason'], header),
      name,
    );
  }
  t.end();
});
