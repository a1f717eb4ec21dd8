import t from 'tap';
import type { Action, Phase } from '../../fixtures/fault-proxy.js';
import { BIG_UPLOAD, startFaultTest, UPLOAD } from '../../fixtures/fault-test.js';

const CONNECTING: Phase[] = ['connect', 'handshake'];
const WAITING: Phase[] = ['request-start', 'request-headers', 'response-start', 'response-headers'];
const UPLOADING: Phase[] = [...WAITING, 'request-body'];

/** Where the upstream does not read on, the upload is to be one that waits for it. */
const uploadAt = (phase: Phase): Buffer => (phase.startsWith('request-') ? BIG_UPLOAD : UPLOAD);

t.test('a connection that ends before a response: 502, and a second try where that is safe', async (t) => {
  const { proxy, exchange, goodAgain } = await startFaultTest(t);
  const check = async (
    method: string,
    phase: Phase,
    action: Action,
    upload = uploadAt(phase),
  ): Promise<void> => {
    const name = `${method} ${phase} ${action}`;
    if (CONNECTING.includes(phase)) await proxy.closeKept();
    proxy.fault = { phase, action };
    const { status, code, isWhole } = await exchange(method, '/public/x', upload);
    t.strictSame({ status, isWhole }, { status: 502, isWhole: true }, name);
    if (method !== 'HEAD') t.equal(code, 'upstream_reset', name);
    // What was not sent is passed over to another target, and there is none.
    const tries = method === 'POST' || CONNECTING.includes(phase) ? 1 : 2;
    t.equal(proxy.strikes, tries, `${name}: tries`);
    await goodAgain(name, method === 'POST' ? 'GET' : 'POST');
  };
  for (const method of ['GET', 'HEAD', 'POST']) {
    for (const phase of [...CONNECTING, ...(method === 'POST' ? UPLOADING : WAITING)]) {
      await check(method, phase, 'reset');
      await check(method, phase, 'half-close');
    }
  }
  // It could be sent again, and must not be.
  for (const phase of WAITING) await check('POST', phase, 'reset', Buffer.alloc(0));
});

t.test('an upstream that falls silent before a response: 504, and no second try', async (t) => {
  const { proxy, exchange, goodAgain } = await startFaultTest(t);
  for (const method of ['GET', 'POST']) {
    for (const phase of method === 'POST' ? UPLOADING : WAITING) {
      const name = `${method} ${phase} stall`;
      proxy.fault = { phase, action: 'stall' };
      const reply = await exchange(method, '/short/x', uploadAt(phase));
      t.match(reply, { status: 504, code: 'upstream_timeout', isWhole: true }, name);
      t.equal(proxy.strikes, 1, `${name}: tries`);
      await goodAgain(name, method === 'POST' ? 'GET' : 'POST');
    }
  }
});

t.test('a connection that is never made: 504 after its own time-out', async (t) => {
  const { proxy, exchange, goodAgain } = await startFaultTest(t, {
    connections: { connect_timeout: '400ms' },
  });
  for (const phase of CONNECTING) {
    await proxy.closeKept();
    proxy.fault = { phase, action: 'stall' };
    const replies = await Promise.all(['GET', 'POST'].map((method) => exchange(method, '/public/x')));
    for (const reply of replies)
      t.match(reply, { status: 504, code: 'upstream_timeout', isWhole: true }, phase);
    t.equal(proxy.seen.length, 0);
    await goodAgain(`${phase} stall`);
  }
});
