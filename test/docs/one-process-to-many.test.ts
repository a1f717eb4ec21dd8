/** The guide as far as one gateway: test/long follows all of it, and tries what it says of things that go wrong. */
import t from 'tap';
import { followGuide } from '../fixtures/follow-guide.js';
import { needsPostgres } from '../fixtures/postgres.js';
import { needsRedis } from '../fixtures/redis.js';

t.setTimeout(180_000); // many processes: on a machine that is busy with other things it takes a while

t.test(
  'from npm start to an auth service and a gateway of their own, as the page says',
  { skip: needsPostgres.skip || needsRedis.skip },
  async (t) => {
    await followGuide(t, ['More cores', 'Several gateways', 'A balancer']);
  },
);
