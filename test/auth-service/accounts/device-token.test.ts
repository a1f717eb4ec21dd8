import { randomBytes } from 'node:crypto';
import t from 'tap';
import { createDeviceTokens } from '../../../auth-service/accounts/device-token.js';
import { describeDevice } from '../../../auth-service/tokens/describe-device.js';
import { addressGroup } from '../../../kit/address-group.js';
import { fakeClock } from '../../fixtures/fake-clock.js';

const DAY_MS = 86_400_000;

t.test('a device token', async (t) => {
  const clock = fakeClock();
  const [first, second] = [1, 2].map((version) => ({ version, key: randomBytes(32) }));
  if (first === undefined || second === undefined) throw new Error('two keys');
  const devices = (...encryptionKeys: (typeof first)[]) =>
    createDeviceTokens({ encryptionKeys, random: randomBytes, clock });
  const own = devices(first);
  const token = own.issue('ann@example.test', undefined);
  const id = own.identify('ann@example.test', token);

  t.match(token, /^gtd_[\w-]{74}$/);
  t.match(id, /^[0-9a-f]{32}$/);
  t.not(own.identify('ann@example.test', own.issue('ann@example.test', undefined)), id, 'each its own');
  t.equal(own.identify('ann@example.test', own.issue('ann@example.test', id)), id, 'kept over logins');
  t.equal(own.identify('bob@example.test', token), undefined, 'good for its account');

  const bytes = Buffer.from(token.slice(4), 'base64url');
  for (let i = 0; i < bytes.length; i++) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(i) ^ 1, i);
    if (own.identify('ann@example.test', `gtd_${changed.toString('base64url')}`) !== undefined)
      t.fail(`byte ${i} can be changed`);
  }
  for (const text of [undefined, '', 'gtd_', 'x', `gtr_${token.slice(4)}`, `${token}AA`])
    t.equal(own.identify('ann@example.test', text), undefined);

  t.equal(devices(second, first).identify('ann@example.test', token), id, 'over a change of keys');
  t.equal(devices(second).identify('ann@example.test', token), undefined, 'until the old one is taken out');
  const otherKey = devices({ ...first, key: second.key });
  t.equal(otherKey.identify('ann@example.test', token), undefined);

  await clock.advance(180 * DAY_MS - 1000);
  t.equal(own.identify('ann@example.test', token), id);
  await clock.advance(1000);
  t.equal(own.identify('ann@example.test', token), undefined, 'for half a year');
});

t.test('addresses that one customer can pick from freely count as one', (t) => {
  const groups: Record<string, string> = {
    '192.0.2.1': '192.0.2.1',
    '::ffff:192.0.2.1': '192.0.2.1',
    '2001:db8:1:2:3:4:5:6': '2001:db8:1:2::/64',
    '2001:DB8:1:2::': '2001:db8:1:2::/64',
    '2001:db8:1:0002::ffff': '2001:db8:1:2::/64',
    '2001:db8::1': '2001:db8:0:0::/64',
    '::1': '0:0:0:0::/64',
    '1::': '1:0:0:0::/64',
    '::2:3:4:5:6:7:8': '0:2:3:4::/64',
    '64:ff9b::192.0.2.1': '64:ff9b:0:0::/64',
    'fe80::1%eth0': 'fe80:0:0:0::/64',
    'not an address': 'not an address',
  };
  for (const [ip, group] of Object.entries(groups)) t.equal(addressGroup(ip), group, ip);
  t.end();
});

t.test('a device is called what a person calls it', (t) => {
  const mozilla = 'Mozilla/5.0';
  const chrome = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';
  const phone = '(iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15';
  const names: [string | undefined, string][] = [
    [`${mozilla} (X11; Linux x86_64) ${chrome}`, 'Chrome on Linux'],
    [`${mozilla} (Windows NT 10.0) ${chrome} Edg/140.0`, 'Edge on Windows'],
    [`${mozilla} ${phone} Version/18.0 Mobile/15E148 Safari/604.1`, 'Safari on iPhone'],
    [`${mozilla} ${phone} CriOS/140.0 Mobile/15E148 Safari/604.1`, 'Chrome on iPhone'],
    [`${mozilla} (Linux; Android 15; Pixel 9) ${chrome}`, 'Chrome on Android'],
    [
      `${mozilla} (Macintosh; Intel Mac OS X 15.0; rv:140.0) Gecko/20100101 Firefox/140.0`,
      'Firefox on macOS',
    ],
    ['curl/8.5.0', 'curl'],
    ['okhttp/5.0.0', 'okhttp'],
    [`x${'y'.repeat(200)}`, `x${'y'.repeat(39)}`],
    ['<script>', 'Unknown device'],
    [mozilla, 'Unknown device'],
    ['', 'Unknown device'],
    [undefined, 'Unknown device'],
  ];
  for (const [userAgent, name] of names) t.equal(describeDevice(userAgent), name, userAgent ?? 'none');
  t.end();
});
