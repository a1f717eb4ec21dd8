import t from 'tap';
import type { Action, Framing, Phase } from '../../fixtures/fault-proxy.js';
import { DOWNLOAD, startFaultTest } from '../../fixtures/fault-test.js';

interface Case {
  framing: Framing;
  action: Action;
  phase: Phase;
}

const breaking = (framing: Framing, actions: Action[], phase: Phase = 'response-body'): Case[] =>
  actions.map((action) => ({ framing, action, phase }));
const CASES: Case[] = [
  ...breaking('length', ['reset', 'half-close', 'stall']),
  ...breaking('chunked', ['reset', 'half-close', 'stall']),
  ...breaking('chunked', ['reset', 'half-close', 'stall'], 'response-trailers'),
  // Its end in due form is how such a body ends.
  ...breaking('close', ['reset', 'stall']),
];

t.test('in mid-response: cut, never ended, and what came is a part of the truth', async (t) => {
  const { proxy, exchange, goodAgain } = await startFaultTest(t);
  const check = async (method: 'GET' | 'POST', { framing, action, phase }: Case): Promise<void> => {
    const name = `${method} ${proxy.contentType} ${framing} ${phase} ${action}`;
    Object.assign(proxy, { framing, fault: { phase, action } });
    const reply = await exchange(method, action === 'stall' ? '/idle/x' : '/public/x');
    t.match(reply, { status: 200, isWhole: false }, name);
    t.strictSame(reply.trailers, {}, `${name}: half a trailer is none`);
    const { length } = reply.body;
    t.ok(length < DOWNLOAD.length || phase === 'response-trailers', `${name}: not all of it`);
    t.ok(DOWNLOAD.subarray(0, length).equals(reply.body), `${name}: nothing invented`);
    t.strictSame([proxy.strikes, proxy.seen.length], [1, 1], `${name}: sent once`);
    await goodAgain(name, method);
  };
  for (const each of CASES) {
    await check('GET', each);
    await check('POST', each);
  }
  proxy.contentType = 'text/event-stream';
  for (const each of CASES) await check('GET', each);
});

t.test('one byte at a time, from the first or from the middle on, is slow and whole', async (t) => {
  const { proxy, exchange } = await startFaultTest(t);
  proxy.body = DOWNLOAD.subarray(0, 40);
  for (const framing of ['length', 'chunked', 'close'] satisfies Framing[]) {
    for (const method of ['GET', 'HEAD', 'POST']) {
      for (const phase of ['response-start', 'response-body'] satisfies Phase[]) {
        const name = `${method} ${framing} ${phase}`;
        Object.assign(proxy, { framing, fault: { phase, action: 'drip' } });
        const { status, isWhole, body, trailers } = await exchange(method, '/public/x');
        t.strictSame([status, isWhole], [200, true], name);
        t.ok(body.equals(method === 'HEAD' ? Buffer.alloc(0) : proxy.body), name);
        const isTrailed = framing === 'chunked' && method !== 'HEAD';
        t.equal(trailers['x-checksum'], isTrailed ? '0123456789abcdef' : undefined, name);
      }
    }
  }
});

t.test('a body that ends with its connection is refused unless config allows it', async (t) => {
  const { proxy, exchange, goodAgain } = await startFaultTest(t, { allowCloseDelimited: false });
  for (const method of ['GET', 'POST']) {
    proxy.framing = 'close';
    const reply = await exchange(method, '/public/x');
    t.match(reply, { status: 502, code: 'upstream_response_invalid', isWhole: true }, method);
    t.equal(proxy.seen.length, 1, 'it is not asked for again');
    t.match(await exchange('HEAD', '/public/x'), { status: 200 }, 'there is no body to HEAD');
    proxy.framing = 'length';
    await goodAgain(method);
  }
});
