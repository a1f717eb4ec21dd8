/** In figures, under load and with processes that the kernel freezes and kills: test/long/target-failure.test.ts. */
import t from 'tap';
import { spiffeId } from '../../contracts/spiffe.js';
import { rawRequest } from '../fixtures/raw-http.js';
import { shiftedClock } from '../fixtures/shifted-clock.js';
import { startTargets } from '../fixtures/targets.js';
import { startTestGateway } from '../fixtures/test-gateway.js';
import { tally } from '../fixtures/test-upstream.js';

const CALLERS = 6;

t.test('one of three targets stalls, then dies, then returns: no request fails', async (t) => {
  const targets = await startTargets(t, ['ill', 'b', 'c']);
  const [ill] = targets;
  if (ill === undefined) throw new Error('no targets');
  const { url } = await startTestGateway(t, {
    // Key sets seem as many times as slow.
    deps: { clock: shiftedClock({ speed: 20 }) },
    waitUntilReady: false,
    upstreams: {
      three: {
        url: targets.map((each) => each.url),
        spiffe_id: spiffeId('app'),
        balance: 'round_robin',
        outliers: { eject: '5s' },
        connections: { connect_timeout: '60s' },
      },
    },
    routes: [{ path: '/x', methods: ['GET', 'POST'], auth: 'public', upstream: 'three', timeout: '60s' }],
  });
  /** Several callers at a time ask until it is so; what they were answered, other than with 200. */
  const askUntil = async (isSo: () => boolean, methods = ['GET']): Promise<Record<string, number>> => {
    const failed: string[] = [];
    const caller = async (): Promise<void> => {
      for (let i = 0; !isSo(); i++) {
        const { status } = await rawRequest(url, methods[i % methods.length] ?? '', '/x');
        if (status !== 200) failed.push(String(status));
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
    return tally(failed);
  };
  /** For so many requests the ill one has got none. */
  const isLeftOut = (requests: number): (() => boolean) => {
    let [ofIt, ofOthers] = [-1, 0];
    return () => {
      const others = targets.reduce((sum, { seen }) => sum + seen.length, 0) - ill.seen.length;
      if (ill.seen.length !== ofIt || ill.held > 0) [ofIt, ofOthers] = [ill.seen.length, others];
      return others - ofOthers >= requests;
    };
  };
  const hasSeen = (more: number): (() => boolean) => {
    const wanted = ill.seen.length + more;
    return () => ill.seen.length >= wanted;
  };

  t.strictSame(await askUntil(hasSeen(20), ['GET', 'POST']), {}, 'well');
  ill.conduct = 'stall';
  t.strictSame(await askUntil(isLeftOut(50)), {}, 'stalled, and then left out');
  t.equal(ill.held, 0, 'nobody waits for it any more');
  await ill.die();
  t.strictSame(
    await askUntil(isLeftOut(100), ['GET', 'POST']),
    {},
    'dead: nothing was sent, so a POST goes on too',
  );
  ill.conduct = 'answer';
  await ill.comeBack();
  t.strictSame(await askUntil(hasSeen(20), ['GET', 'POST']), {}, 'returned');
});
