import { randomBytes } from 'node:crypto';
import t from 'tap';
import { createEnvelope } from '../../../auth-service/keys/envelope.js';

const first = { version: 1, key: randomBytes(32) };
const second = { version: 2, key: randomBytes(32) };
const secret = Buffer.from('a private key');

t.test('the current key seals, every configured key opens', async (t) => {
  const old = createEnvelope([first], randomBytes).seal(secret, 'signing-key:a');
  const rotated = createEnvelope([second, first], randomBytes);
  t.strictSame(rotated.open(old, 'signing-key:a'), secret);
  t.equal(rotated.seal(secret, 'signing-key:a').kekVersion, 2);
});

t.test('nothing else opens a box: another owner, key, version or any changed byte', async (t) => {
  const envelope = createEnvelope([first, second], randomBytes);
  const sealed = envelope.seal(secret, 'signing-key:a');
  t.notOk(sealed.box.includes(secret));
  const refused = (open: () => unknown) => t.throws(open, { name: 'EnvelopeError' });
  refused(() => envelope.open(sealed, 'signing-key:b'));
  refused(() => envelope.open({ ...sealed, kekVersion: 2 }, 'signing-key:a'));
  refused(() => envelope.open({ ...sealed, kekVersion: 3 }, 'signing-key:a'));
  refused(() => createEnvelope([{ version: 1, key: second.key }], randomBytes).open(sealed, 'signing-key:a'));
  for (let at = 0; at < sealed.box.length; at++) {
    const box = Buffer.from(sealed.box);
    box.writeUInt8(box.readUInt8(at) ^ 1, at);
    refused(() => envelope.open({ ...sealed, box }, 'signing-key:a'));
  }
  refused(() => envelope.open({ ...sealed, box: Buffer.alloc(0) }, 'signing-key:a'));
});
