/** The whole guide, with workers, with HAProxy where that is installed, and with what goes wrong. */
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { eventually } from '../fixtures/eventually.js';
import { followGuide, guide } from '../fixtures/follow-guide.js';
import { needsPostgres } from '../fixtures/postgres.js';
import { needsRedis } from '../fixtures/redis.js';

t.setTimeout(600_000);

const haveBalancer = spawnSync('haproxy', ['-v']).status === 0;

/** How to get each thing that goes wrong, and what the page says of it. */
const WRONGS = [
  [
    'env $(cat deploy/auth.env) DATABASE_URL=postgres://x@127.0.0.1:1/x gatehouse auth-service --config deploy/auth.yaml',
    'cannot prepare the database: connect ECONNREFUSED',
  ],
  [
    'env $(cat deploy/auth.env) AUTH_ENCRYPTION_KEY=$(gatehouse kek) gatehouse auth-service --config deploy/auth.yaml',
    'encryption key version 1 does not open it',
  ],
  [
    'env $(cat deploy/gateway-2.env) REDIS_URL=redis://127.0.0.1:1 gatehouse check --online --config deploy/gateway.yaml',
    'no connection: nothing listens there, or it hangs up',
  ],
  [
    'env $(cat deploy/gateway-2.env) ORDERS_URL=https://127.0.0.1:9502 gatehouse check --online --config deploy/gateway.yaml',
    'the certificate there is of spiffe://gatehouse.internal/profile, not of spiffe://gatehouse.internal/orders',
  ],
  [
    'env $(cat deploy/gateway-2.env) gatehouse gateway --config deploy/gateway.yaml',
    'is in use: stop what holds it, or set ADMIN_PORT',
  ],
  [
    'env $(cat deploy/gateway-2.env) ADMIN_HOST=0.0.0.0 gatehouse check --config deploy/gateway.yaml',
    'config_admin_exposed',
  ],
  [
    `curl -s http://127.0.0.1:8082/auth/login -H 'content-type: application/json' -d '{"email":"demo@gatehouse.test","password":"demo-password-please-change"}'`,
    'invalid_credentials',
  ],
  [
    'echo $TOKEN | env $(cat deploy/gateway-2.env) PUBLIC_URL=http://127.0.0.1:1 gatehouse explain GET /api/orders --token - --config deploy/gateway.yaml',
    'token_claims',
  ],
  [`curl -s -H 'Host: gateway-2.internal' http://127.0.0.1:9902/ready`, 'host_unknown'],
] as const;

t.test(
  'from npm start to gateways with workers behind a balancer, and what goes wrong, as the page says',
  { skip: needsPostgres.skip || needsRedis.skip },
  async (t) => {
    if (!haveBalancer) t.comment('without HAProxy, which is not installed');
    const { run, redis, linesOf } = await followGuide(t, haveBalancer ? [] : ['A balancer']);
    const [, table = ''] = guide.split('## What goes wrong');
    for (const [command, message] of WRONGS) {
      t.match(await run(command), message, command);
      t.match(table, message);
    }
    await redis.kill();
    const lost = () => linesOf('gateway-2').filter((line) => line.includes('revocation feed lost'));
    await eventually(
      async () => lost().length,
      (count) => count > 0,
    );
    t.match(lost()[0], '"feed":"primary"');
    t.match(table, '`revocation feed lost` with `"feed":"primary"`');
    const rows = table.match(/^\| [^|-].* \|$/gm) ?? [];
    t.equal(rows.length - 1, WRONGS.length + 1, 'each row was tried');
  },
);
