/**
 * What a request costs in the pipeline alone, without network: the whole flow, and each stage by itself with what the
 * stage before gave it. CPU time, so that a busy machine does not lengthen it. `npx tsx bench/pipeline.ts [rounds]`.
 */
import { addIdentityHeaders } from '../gateway/pipeline/add-identity-headers.js';
import { decideCaller } from '../gateway/pipeline/decide-caller.js';
import { handleRequest } from '../gateway/pipeline/handle-request.js';
import { limitRate } from '../gateway/pipeline/limit-rate.js';
import { locate, matchRoute } from '../gateway/pipeline/match-route.js';
import { receive } from '../gateway/pipeline/receive.js';
import { rewritePath } from '../gateway/pipeline/rewrite-path.js';
import { stripReservedHeaders } from '../gateway/pipeline/strip-reserved-headers.js';
import { verifyToken } from '../gateway/pipeline/verify-token.js';
import { exchange, gateway, request, snapshot, token } from './pipeline-parts.js';

const ROUNDS = Number(process.argv[2] ?? 9);
const CALLS = 20_000;

/** Microseconds of CPU a call: the median of the rounds. */
async function micros(call: (index: number) => unknown, calls = CALLS): Promise<number> {
  const rounds: number[] = [];
  for (let round = -2; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let index = 0; index < calls; index++) {
      const result = call(index);
      if (result instanceof Promise) await result;
    }
    const { user, system } = process.cpuUsage(before);
    if (round >= 0) rounds.push((user + system) / calls);
  }
  return rounds.sort((a, b) => a - b)[ROUNDS >> 1] ?? Number.NaN;
}

const say = (name: string, value: number): boolean =>
  process.stdout.write(`${name.padEnd(34)}${value.toFixed(2).padStart(8)} µs\n`);

const warm = request(token('warm'));
const received = receive(warm, snapshot, Date.now());
const stripped = stripReservedHeaders(received);
const located = locate(stripped);
const routed = matchRoute(located);
const { authorized } = await decideCaller(routed, gateway);
const addressed = rewritePath(limitRate(authorized, gateway.rateLimiter));

say('the whole flow, token known', await micros(() => handleRequest(exchange(warm), gateway)));
say('  receive', await micros(() => receive(warm, snapshot, Date.now())));
say('  strip reserved headers', await micros(() => stripReservedHeaders(received)));
say('  locate', await micros(() => locate(stripped)));
say('  match route', await micros(() => matchRoute(located)));
say('  decide caller', await micros(() => decideCaller(routed, gateway)));
say(
  '  limit rate, rewrite path',
  await micros(() => rewritePath(limitRate(authorized, gateway.rateLimiter))),
);
say('  add identity headers', await micros(() => addIdentityHeaders(addressed, gateway.assertions)));

const first = Array.from({ length: 2000 }, (_, index) => token(`new-${index}`));
const forgetful = { get: () => undefined, set: () => undefined, delete: () => undefined };
const presented = first.map((text) => ({ ...routed, credential: { source: 'bearer', text } }));
say(
  'verify a token at first sight',
  await micros(
    (index) =>
      verifyToken(presented[index % presented.length] as Parameters<typeof verifyToken>[0], forgetful),
    2000,
  ),
);
