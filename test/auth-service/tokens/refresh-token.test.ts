import { randomBytes } from 'node:crypto';
import t from 'tap';
import {
  formatRefreshToken,
  isGenuine,
  parseRefreshToken,
} from '../../../auth-service/tokens/refresh-token.js';

const familyId = '0f7b6d0a-3c1e-4f52-9a77-00c0ffee0001';
const secret = randomBytes(32);
const token = formatRefreshToken(familyId, 7, secret);

t.test('a refresh token says its family and generation, and only the family secret makes it', async (t) => {
  const parsed = parseRefreshToken(token);
  t.match(parsed, { familyId, generation: 7 });
  t.ok(parsed && isGenuine(parsed, secret));
  t.notOk(parsed && isGenuine(parsed, randomBytes(32)));
  t.equal(formatRefreshToken(familyId, 7, secret), token, 'every instance derives the same one');
});

t.test('no bit of it can be changed', async (t) => {
  const bytes = Buffer.from(token.slice(4), 'base64url');
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    const parsed = parseRefreshToken(`gtr_${changed.toString('base64url')}`);
    t.notOk(parsed && isGenuine(parsed, secret), `byte ${at}`);
  }
});

t.test('has one spelling', async (t) => {
  const last = token.slice(-1);
  const trailingBits = String.fromCharCode(last.charCodeAt(0) + 1); // the last character carries four bits
  const others = [
    token.slice(4),
    `GTR_${token.slice(4)}`,
    `${token}=`,
    `${token}A`,
    `${token} `,
    token.slice(0, -1),
    `gtr_ ${token.slice(4)}`,
    token.slice(0, -1) + trailingBits,
    'gtr_',
    '',
  ];
  for (const other of others) t.equal(parseRefreshToken(other), undefined, JSON.stringify(other));
});
