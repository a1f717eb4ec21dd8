import t from 'tap';
import { eventually } from '../../fixtures/eventually.js';
import type { Action, Certificate } from '../../fixtures/fault-proxy.js';
import { startFaultTest } from '../../fixtures/fault-test.js';

const METHODS = ['GET', 'HEAD', 'POST'];

t.test('refused: 502, and good as soon as somebody listens again', async (t) => {
  const { proxy, exchange, goodAgain } = await startFaultTest(t);
  for (const method of METHODS) {
    await proxy.refuse();
    const { status, code } = await exchange(method, '/public/x');
    t.equal(status, 502, method);
    if (method !== 'HEAD') t.equal(code, 'upstream_unreachable');
    t.equal(proxy.seen.length, 0);
    await proxy.accept();
    await goodAgain(method);
  }
});

t.test('somebody else\u2019s certificate: 502, and not a byte of the request', async (t) => {
  const { proxy, exchange, goodAgain } = await startFaultTest(t);
  for (const certificate of ['other-ca', 'other-id', 'expired'] satisfies Certificate[]) {
    for (const method of METHODS) {
      proxy.certificate = certificate;
      const { status, code } = await exchange(method, '/public/x');
      t.equal(status, 502, `${method} ${certificate}`);
      if (method !== 'HEAD') t.equal(code, 'upstream_untrusted');
      t.equal(proxy.seen.length, 0);
      await eventually(
        async () => proxy.open(),
        (open) => open === 0,
      );
      proxy.certificate = 'good';
      await goodAgain(`${method} ${certificate}`);
      await proxy.closeKept();
    }
  }
});

t.test('a kept connection that ends between two requests is not used, and costs none of them', async (t) => {
  const { proxy, exchange, goodAgain } = await startFaultTest(t);
  for (const action of ['reset', 'half-close'] satisfies Action[]) {
    for (const method of METHODS) {
      proxy.fault = { phase: 'kept', action };
      t.match(await exchange(method, '/public/x'), { status: 200, isWhole: true }, `${method} ${action}`);
      t.equal(proxy.strikes, 1);
      await goodAgain(`${method} kept ${action}`);
    }
  }
});

t.test('a kept connection that has fallen silent: 504, for one request', async (t) => {
  const { proxy, exchange, goodAgain } = await startFaultTest(t);
  for (const method of ['GET', 'POST']) {
    proxy.fault = { phase: 'kept', action: 'stall' };
    t.match(await exchange(method, '/public/x'), { status: 200, isWhole: true });
    proxy.fault = undefined;
    t.match(await exchange(method, '/short/x'), { status: 504, code: 'upstream_timeout' }, method);
    t.equal(proxy.seen.length, 0, 'it was not sent a second time');
    await goodAgain(`${method} kept stall`);
  }
});
