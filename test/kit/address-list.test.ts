import t from 'tap';
import { createAddressList, invalidAddress } from '../../kit/address-list.js';

t.test('an address is in the list by itself or by its network, asked once or again', async (t) => {
  const list = createAddressList(['10.0.0.0/8', '::1', '2001:db8::/32', '192.0.2.7']);
  for (const round of [1, 2]) {
    t.ok(list.has('10.1.2.3'), `a network, round ${round}`);
    t.ok(list.has('::ffff:10.1.2.3'), 'in its IPv6 form');
    t.ok(list.has('2001:db8::5'));
    t.ok(list.has('192.0.2.7'));
    t.notOk(list.has('192.0.2.8'));
    t.notOk(list.has('::2'));
    t.notOk(list.has('unknown'));
    t.notOk(list.has(''));
  }
});

t.test('an empty list has nobody in it', async (t) => {
  t.notOk(createAddressList([]).has('127.0.0.1'));
});

t.test('many addresses are each told right, whatever was asked before', async (t) => {
  const list = createAddressList(['10.0.0.0/16']);
  const addresses = Array.from({ length: 10_000 }, (_, at) => `10.${at % 3}.${(at >> 8) & 255}.${at & 255}`);
  t.ok(addresses.every((address) => list.has(address) === address.startsWith('10.0.')));
  t.ok(addresses.every((address) => list.has(address) === address.startsWith('10.0.')));
});

t.test('what is neither an address nor a network is named', async (t) => {
  t.equal(invalidAddress(['10.0.0.0/8', '10.0.0.0/33']), '10.0.0.0/33');
  t.equal(invalidAddress(['localhost']), 'localhost');
  t.equal(invalidAddress(['::1/128', '10.0.0.1']), undefined);
  t.throws(() => createAddressList(['localhost']), RangeError);
});
