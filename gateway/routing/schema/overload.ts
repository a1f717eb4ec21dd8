import { type Static, Type } from 'typebox';
import { durationMs } from '../../../kit/units.js';
import { type OverloadLimits, PRIORITIES } from '../../pipeline/ports.js';
import { closed, Duration } from './common.js';

export const Overload = Type.Object(
  {
    in_flight: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'requests under way at most, streams and WebSockets aside; default 10000',
      }),
    ),
    loop_delay: Type.Optional(
      Duration('how late the event loop may be, smoothed over about a second; 0s: not looked at; default 1s'),
    ),
  },
  { ...closed, description: 'when requests get 503, the less important ones first' },
);

export const Priority = Type.Union(
  PRIORITIES.map((priority) => Type.Literal(priority)),
  {
    description:
      'who is refused last when there is too much to do: critical; then normal (default), then low',
  },
);

export function overloadLimits(overload: Static<typeof Overload> = {}): OverloadLimits {
  return { inFlight: overload.in_flight ?? 10_000, loopDelayMs: durationMs(overload.loop_delay ?? '1s') };
}
