import t from 'tap';
import { encodeIdentityList, encodeIdentityValue } from '../../contracts/identity-headers.js';
import { IdentityError, readIdentity } from '../../upstream-kit/index.js';

const ALICE = {
  'x-identity-version': '1',
  'x-identity-kind': 'user',
  'x-identity-subject': 'alice',
};

/** As Node hands on header bytes: names as sent, values as latin1. */
const raw = (headers: Record<string, string>): string[] => Object.entries(headers).flat();

function reasonOf(headers: Parameters<typeof readIdentity>[0]): string {
  try {
    readIdentity(headers);
  } catch (error) {
    if (error instanceof IdentityError) return `${error.reason} ${error.header}`;
    throw error;
  }
  return 'accepted';
}

t.test('reads every field, whatever the case of the names', (t) => {
  const headers = {
    'X-Identity-Version': '1',
    'X-IDENTITY-KIND': 'user',
    'x-identity-subject': 'alice',
    'x-identity-issuer': 'https://id.example',
    'x-identity-client': 'web',
    'x-identity-session': 's1',
    'x-identity-token': 't1',
    'x-identity-scopes': 'orders:read orders:write',
    'x-identity-roles': 'user',
    'x-identity-expires': '1767225600',
    'x-identity-assertion': 'a.b.c',
    'x-other': 'ignored',
  };
  t.strictSame(readIdentity(raw(headers)), {
    kind: 'user',
    subject: 'alice',
    issuer: 'https://id.example',
    client: 'web',
    session: 's1',
    token: 't1',
    scopes: ['orders:read', 'orders:write'],
    roles: ['user'],
    expires: 1767225600,
  });
  t.end();
});

t.test('absent claims stay absent, lists are then empty', (t) => {
  t.strictSame(readIdentity(ALICE), { kind: 'user', subject: 'alice', scopes: [], roles: [] });
  t.strictSame(readIdentity(raw({ 'x-identity-version': '1', 'x-identity-kind': 'anonymous' })), {
    kind: 'anonymous',
    scopes: [],
    roles: [],
  });
  t.end();
});

t.test('other scripts, spaces, line ends and percent signs come through unchanged', (t) => {
  const subject = 'Zoë 山田 🦊 100%\r\nx-identity-roles: admin';
  const roles = ['x admin', 'größe'];
  const headers = {
    ...ALICE,
    'x-identity-subject': encodeIdentityValue(subject),
    'x-identity-roles': encodeIdentityList(roles),
  };
  for (const form of [headers, raw(headers)]) {
    const identity = readIdentity(form);
    t.equal(identity.subject, subject);
    t.strictSame(identity.roles, roles);
  }
  t.end();
});

t.test('a repeated identity header is refused, even with the same value', (t) => {
  for (const name of [
    'x-identity-subject',
    'x-identity-version',
    'x-identity-scopes',
    'x-identity-assertion',
  ]) {
    const twice = [...raw({ ...ALICE, [name]: '1' }), name.toUpperCase(), '1'];
    t.equal(reasonOf(twice), `repeated ${name}`);
  }
  // As Node joins them in `headers`.
  t.equal(reasonOf({ ...ALICE, 'x-identity-subject': 'alice, root' }), 'repeated x-identity-subject');
  t.equal(reasonOf({ ...ALICE, 'x-identity-roles': 'user, admin' }), 'repeated x-identity-roles');
  t.equal(reasonOf({ ...ALICE, 'x-identity-roles': ['user', 'admin'] }), 'repeated x-identity-roles');
  t.end();
});

t.test('another version, or none, is refused', (t) => {
  t.equal(reasonOf([]), 'missing x-identity-version');
  t.equal(reasonOf({ ...ALICE, 'x-identity-version': '2' }), 'version x-identity-version');
  t.equal(reasonOf({ ...ALICE, 'x-identity-version': '1.0' }), 'version x-identity-version');
  t.end();
});

t.test('a caller is somebody or nobody, never half of it', (t) => {
  t.equal(reasonOf({ 'x-identity-version': '1', 'x-identity-subject': 'alice' }), 'missing x-identity-kind');
  t.equal(reasonOf({ 'x-identity-version': '1', 'x-identity-kind': 'user' }), 'missing x-identity-subject');
  t.equal(reasonOf({ ...ALICE, 'x-identity-kind': 'root' }), 'malformed x-identity-kind');
  t.equal(reasonOf({ ...ALICE, 'x-identity-kind': 'anonymous' }), 'malformed x-identity-subject');
  t.end();
});

t.test('a value that the gateway could not have written is refused', (t) => {
  const subjects = {
    empty: '',
    'raw space': 'alice root',
    'raw UTF-8 bytes as latin1': Buffer.from('Zoë').toString('latin1'),
    'cut-off escape': 'alice%4',
    'bytes that are no UTF-8': 'alice%FF',
    'overlong UTF-8': 'alice%C0%AF',
    'needless escape, a name that was never encoded': '%61lice',
    'escape in lower case': 'zo%c3%ab',
  };
  for (const [name, subject] of Object.entries(subjects)) {
    t.equal(reasonOf(raw({ ...ALICE, 'x-identity-subject': subject })), 'malformed x-identity-subject', name);
  }
  for (const roles of [' user', 'user ', 'user  admin', 'user\tadmin', 'user %zz']) {
    t.equal(reasonOf(raw({ ...ALICE, 'x-identity-roles': roles })), 'malformed x-identity-roles', roles);
  }
  for (const expires of ['', '-1', '1.5', '0x10', '1e3', '01', '9007199254740993', 'never']) {
    t.equal(
      reasonOf(raw({ ...ALICE, 'x-identity-expires': expires })),
      'malformed x-identity-expires',
      expires,
    );
  }
  t.end();
});

t.test('look-alike names are not read', (t) => {
  const identity = readIdentity([...raw(ALICE), 'x_identity_roles', 'admin', 'x.identity.roles', 'admin']);
  t.strictSame(identity.roles, []);
  t.end();
});

t.test('the error names the header and never its value', (t) => {
  try {
    readIdentity({ ...ALICE, 'x-identity-subject': 'secret value' });
    t.fail('accepted');
  } catch (error) {
    t.notMatch(JSON.stringify([(error as Error).message, error]), /secret/);
  }
  t.end();
});
