import t from 'tap';
import { WebSocket } from 'ws';
import type { Certificate, Fault } from '../../fixtures/fault-proxy.js';
import { startFaultTest } from '../../fixtures/fault-test.js';

t.test('a WebSocket never ends well when its upstream did not', async (t) => {
  const { proxy, test, goodAgain } = await startFaultTest(t);
  const open = async () => {
    const socket = new WebSocket(`${test.url.replace('http', 'ws')}/idle/ws`);
    t.teardown(() => socket.terminate());
    socket.on('error', () => undefined);
    let [message, status]: [string | undefined, number] = [undefined, 101];
    socket.on('unexpected-response', (_request, response) => {
      status = response.statusCode ?? 0;
      socket.terminate();
    });
    socket.on('message', (data) => {
      message = String(data);
    });
    const [code, reason] = await new Promise<[number, Buffer]>((resolve) => {
      socket.on('close', (...how) => resolve(how));
    });
    return { message, status, code, reason: String(reason) };
  };
  const faults: Fault[] = (
    ['connect', 'request-start', 'response-start', 'response-headers', 'response-body'] as const
  ).flatMap((phase) => (['reset', 'half-close'] as const).map((action) => ({ phase, action })));
  const check = async (name: string): Promise<void> => {
    const { message, status, code, reason } = await open();
    t.equal(message, undefined, `${name}: half a message is none`);
    if (/^connect|other|expired|refused/.test(name))
      t.equal(status, 502, `${name}: the handshake is refused`);
    else t.ok(code === 1011 || code === 4006, `${name}: ${code}`);
    t.equal(reason, '', `${name}: nothing about the inside`);
  };
  for (const fault of faults) {
    proxy.fault = fault;
    await check(`${fault.phase} ${fault.action}`);
    await goodAgain('after it');
  }
  await proxy.closeKept();
  for (const certificate of ['other-ca', 'other-id', 'expired'] satisfies Certificate[]) {
    proxy.certificate = certificate;
    proxy.seen.length = 0;
    await check(certificate);
    t.equal(proxy.seen.length, 0, 'not a byte of the handshake');
  }
  proxy.certificate = 'good';
  await proxy.refuse();
  await check('refused');
  await proxy.accept();
  proxy.fault = { phase: 'response-body', action: 'stall' };
  t.match(await open(), { message: undefined, code: 1001, reason: 'idle' });
});
