/**
 * Four gateways, 500 logouts under load: how long until every gateway refuses. The figures are printed; what is asserted
 * is the promise that no gateway needs more than a second.
 */
import t from 'tap';
import { needsPostgres } from '../fixtures/postgres.js';
import { needsRedis } from '../fixtures/redis.js';
import { type GatewayPart, startTopology, USER } from '../fixtures/topology.js';

const REVOKES = 500;
const LOAD_PER_GATEWAY = 4;

t.test(
  'a logout is known at every gateway within a second',
  { skip: needsPostgres.skip || needsRedis.skip },
  async (t) => {
    const { gatewayA, gateways } = await startTopology(t, { gateways: 4 });
    const { access_token: steady } = await gatewayA.api.login(USER);
    let running = true;
    let served = 0;
    const load = gateways.flatMap((gateway) =>
      Array.from({ length: LOAD_PER_GATEWAY }, async () => {
        while (running) {
          const { status } = await gateway.api.get('/api/profile', steady);
          if (status !== 200) throw new Error(`the load met a ${status}`);
          served += 1;
        }
      }),
    );

    const spreads: number[] = [];
    for (let round = 0; round < REVOKES; round++) {
      const { access_token: token } = await gatewayA.api.login(USER);
      const { status } = await gatewayA.api.logout(token);
      if (status !== 200) throw new Error(`a logout met a ${status}`);
      const revokedAt = performance.now();
      await Promise.all(gateways.map((gateway) => untilRefused(gateway, token)));
      spreads.push(performance.now() - revokedAt);
    }
    running = false;
    await Promise.all(load);

    spreads.sort((a, b) => a - b);
    const at = (quantile: number): string =>
      (spreads[Math.ceil(quantile * REVOKES) - 1] ?? Number.NaN).toFixed(0);
    t.comment(`${REVOKES} logouts, ${gateways.length} gateways, ${served} requests of load beside them`);
    t.comment(`until every gateway refuses: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, maximum ${at(1)} ms`);
    t.ok(Number(at(1)) < 1000);
  },
);

async function untilRefused(gateway: GatewayPart, token: string): Promise<void> {
  for (;;) {
    const { code } = await gateway.api.get('/api/profile', token);
    if (code === 'token_revoked') return;
  }
}
