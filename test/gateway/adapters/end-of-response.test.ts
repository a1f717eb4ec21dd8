import t, { type Test } from 'tap';
import { type Dispatcher, request } from 'undici';
import { spiffeId } from '../../../contracts/spiffe.js';
import { systemClock } from '../../../kit/clock.js';
import { eventually } from '../../fixtures/eventually.js';
import { type FaultProxy, type Framing, startFaultProxy } from '../../fixtures/fault-proxy.js';
import { connectUpstream, type TestUpstream } from '../../fixtures/test-upstream.js';

const BODY = Buffer.alloc(8000, 'x');

interface Read {
  body: string;
  /** `whole`, or the error's code. */
  end: Promise<string>;
  resume(): void;
}

/** Reads nothing after the first chunk until it is resumed. Resolves when that is there. */
function readSlowly({ connections }: TestUpstream): Promise<Read> {
  return new Promise((begun, failed) => {
    let ended: (end: string) => void;
    let resume: () => void = () => undefined;
    const end = new Promise<string>((resolve) => {
      ended = resolve;
    });
    const read: Read = { body: '', end, resume: () => resume() };
    const handler: Dispatcher.DispatchHandler = {
      onConnect: () => undefined,
      onHeaders(_status, _headers, resumeBody) {
        resume = resumeBody;
        return true;
      },
      onData(chunk) {
        read.body += String(chunk);
        begun(read);
        return read.body.length > chunk.length;
      },
      onComplete: () => ended('whole'),
      onError(error) {
        ended((error as NodeJS.ErrnoException).code ?? error.message);
        failed(error);
      },
    };
    connections.agent.dispatch({ origin: connections.originOf('app'), path: '/', method: 'GET' }, handler);
  });
}

async function start(t: Test): Promise<{ proxy: FaultProxy; upstream: TestUpstream }> {
  const proxy = await startFaultProxy(t);
  proxy.body = BODY;
  const target = { url: proxy.url } as Parameters<typeof connectUpstream>[1][number];
  const upstream = await connectUpstream(t, [target], systemClock, { spiffeId: spiffeId('faulty') });
  return { proxy, upstream };
}

/** Everything that was sent before it has been dealt with. */
const settled = async ({ connections }: TestUpstream, proxy: FaultProxy): Promise<void> => {
  proxy.closes = false;
  await request(`${connections.originOf('app')}/`, { dispatcher: connections.agent, method: 'HEAD' });
};

t.test('an upstream that closes while its response waits for a reader crashes nothing', async (t) => {
  const { proxy, upstream } = await start(t);
  for (const framing of ['length', 'chunked', 'close'] satisfies Framing[]) {
    Object.assign(proxy, { framing, closes: true });
    const read = await readSlowly(upstream);
    await settled(upstream, proxy);
    read.resume();
    t.equal(await read.end, 'whole', framing);
    t.equal(read.body.length, BODY.length, framing);
  }
});

t.test('a reset is the end of no response', async (t) => {
  const { proxy, upstream } = await start(t);
  for (const framing of ['length', 'chunked', 'close'] satisfies Framing[]) {
    Object.assign(proxy, { framing, closes: true, fault: { phase: 'response-body', action: 'reset' } });
    let broken: (value?: unknown) => void = () => undefined;
    proxy.beforeBreaking = () =>
      new Promise((resolve) => {
        broken = resolve;
      });
    const read = await readSlowly(upstream);
    proxy.strikes = 0;
    broken();
    await eventually(
      async () => proxy.strikes,
      (strikes) => strikes === 1,
    );
    proxy.fault = undefined;
    await settled(upstream, proxy);
    read.resume();
    t.not(await read.end, 'whole', framing);
    t.ok(read.body.length < BODY.length, `${framing}: ${read.body.length}`);
  }
  await eventually(
    async () => proxy.open('struck'),
    (open) => open === 0,
  );
});
