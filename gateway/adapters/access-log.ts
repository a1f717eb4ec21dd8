import type { Logger } from '../../kit/logger.js';
import type { Outcome } from '../pipeline/ports.js';

/** One line a request. A route's own refusals are information; what went wrong on our side is an error. */
export function createAccessLog(logger: Logger): (outcome: Outcome) => void {
  return ({ requestId, problem, reported, ...outcome }) => {
    const line = {
      reqId: requestId,
      ...outcome,
      durationMs: Math.round(outcome.durationMs),
      code: problem?.code,
      reason: problem?.reason,
      ...(reported === undefined ? {} : { reportOnly: { code: reported.code, reason: reported.reason } }),
    };
    if (problem !== undefined && problem.status >= 500)
      logger.error({ ...line, err: problem.cause }, 'request');
    else logger.info(line, 'request');
  };
}
