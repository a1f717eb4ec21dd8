import t, { type Test } from 'tap';
import { fakeClock } from '../../../fixtures/fake-clock.js';
import { startTargets, type TestTarget } from '../../../fixtures/targets.js';
import { connectUpstream, tally } from '../../../fixtures/test-upstream.js';

/** All of 127.0.0.0/8 is this machine, so one server stands at each of these addresses. */
const ADDRESSES = ['127.0.0.1', '127.0.0.2', '127.0.0.3'];

async function start(t: Test, addresses: string[]) {
  const [server] = await startTargets(t, ['app'], { host: '0.0.0.0' });
  if (server === undefined) throw new Error('no server');
  server.conduct = (request, response) => response.end(request.socket.localAddress);
  const clock = fakeClock();
  const found = { addresses };
  const named: TestTarget = { ...server, url: server.url.replace('127.0.0.1', 'app.internal') };
  const upstream = await connectUpstream(
    t,
    [named],
    clock,
    { balance: 'round_robin' },
    {
      lookup: async (host) => {
        t.equal(host, 'app.internal');
        if (found.addresses.length === 0) throw new Error('ENOTFOUND');
        return found.addresses;
      },
    },
  );
  await clock.advance(0);
  return { ...upstream, server, clock, found };
}

t.test('each address of a host name is a target', async (t) => {
  const { askMany } = await start(t, ADDRESSES);
  t.strictSame(tally(await askMany(6)), { '127.0.0.1': 2, '127.0.0.2': 2, '127.0.0.3': 2 });
});

t.test('new addresses are taken up, old ones left, and what is under way there ends in peace', async (t) => {
  const { ask, askMany, server, clock, found } = await start(t, ['127.0.0.1']);
  let answer = (): void => undefined;
  server.conduct = (_request, response) => {
    answer = () => void response.end('late');
  };
  const late = ask();
  while (server.seen.length === 0) await clock.advance(0);
  server.conduct = (request, response) => response.end(request.socket.localAddress);
  found.addresses = ['127.0.0.2', '127.0.0.3'];
  await clock.advance(29_999);
  t.strictSame(tally(await askMany(2)), { '127.0.0.1': 2 });
  await clock.advance(1);
  t.strictSame(tally(await askMany(4)), { '127.0.0.2': 2, '127.0.0.3': 2 });
  answer();
  t.equal(await late, 'late');
});

t.test(
  'a name that cannot be looked up keeps its addresses; the credentials of a cloud are none',
  async (t) => {
    const { askMany, clock, found } = await start(t, ['127.0.0.2', '169.254.169.254']);
    t.strictSame(tally(await askMany(3)), { '127.0.0.2': 3 });
    found.addresses = [];
    await clock.advance(60_000);
    t.strictSame(tally(await askMany(2)), { '127.0.0.2': 2 });
    found.addresses = ['169.254.169.254'];
    await clock.advance(60_000);
    t.strictSame(tally(await askMany(2)), { '127.0.0.2': 2 });
  },
);

t.test('the addresses of a name share its weight', async (t) => {
  const { spec, change, askMany, clock } = await start(t, ['127.0.0.2', '127.0.0.3']);
  const [{ url } = { url: '' }] = spec.targets;
  await change({
    targets: [
      { url, weight: 2 },
      { url: url.replace('app.internal', '127.0.0.1'), weight: 1 },
    ],
  });
  await clock.advance(0);
  t.strictSame(tally(await askMany(9)), { '127.0.0.1': 3, '127.0.0.2': 3, '127.0.0.3': 3 });
});
