import type { Snapshot } from './snapshot.js';
import type { Forwardable, InboundRequest, PresentedCertificate, Received, Unrevoked } from './states.js';

/** What the stages after the first say of a request, whichever way it goes. */
type Word = keyof Forwardable | keyof Unrevoked | keyof PresentedCertificate | 'by' | 'bindingChecked';

/**
 * The first state of a request, with room for the words of all stages: an object that grows by each of them moves and
 * changes its shape each time, which costs more than what most stages do (`bench/pipeline.ts`).
 */
export function begin(
  request: InboundRequest,
  snapshot: Snapshot,
  receivedAt: number,
  host: string,
  hasBody: boolean,
): Received {
  const words: Received & Record<Exclude<Word, keyof Received>, undefined> = {
    request,
    snapshot,
    receivedAt,
    host,
    hasBody,
    headers: undefined,
    path: undefined,
    query: undefined,
    hasEncodedSlash: undefined,
    route: undefined,
    params: undefined,
    responseHeaders: undefined,
    by: undefined,
    credential: undefined,
    certificate: undefined,
    accepts: undefined,
    token: undefined,
    callers: undefined,
    issuer: undefined,
    key: undefined,
    revocationChecked: undefined,
    isStale: undefined,
    bindingChecked: undefined,
    caller: undefined,
    identity: undefined,
    admitted: undefined,
    target: undefined,
    upstreamHeaders: undefined,
  };
  return words;
}
