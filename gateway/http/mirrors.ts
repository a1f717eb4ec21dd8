import type { Dispatcher } from 'undici';
import type { Clock } from '../../kit/clock.js';
import type { Mirrored } from '../pipeline/ports.js';
import type { Route } from '../pipeline/route.js';
import type { ClientRequest, ClientResponse } from './client-side.js';
import { copyBody } from './copy-body.js';
import type { EdgeUpstreams } from './edge.js';
import { MirrorAnswer } from './mirror-answer.js';

/** Of one route; more are dropped. */
export const MIRRORED_AT_ONCE = 100;

/** Copies of one route's requests. */
interface Copies {
  underWay: number;
  /** `dropped`: too many under way, or the body did not come whole. `failed`: no answer. */
  readonly counts: { sent: number; dropped: number; failed: number };
}

/**
 * Sends copies of requests, and forgets them: nobody waits for a copy, and nothing of it reaches the client, or the
 * request that it is a copy of.
 */
export class Mirrors {
  readonly #clock: Clock;
  readonly #byRoute = new Map<string, Copies>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Called once the request itself has been handed on, in the same turn of the event loop. */
  mirror(mirrored: Mirrored, response: ClientResponse, upstreams: EdgeUpstreams): void {
    // The request itself has gone nowhere either.
    if (response.destroyed) return;
    const copies = this.#copiesOf(mirrored.routeId);
    if (copies.underWay >= MIRRORED_AT_ONCE) {
      copies.counts.dropped += 1;
      return;
    }
    copies.underWay += 1;
    const end = (result: keyof Copies['counts']): void => {
      copies.underWay -= 1;
      copies.counts[result] += 1;
    };
    const { req } = response;
    if (mirrored.bodyBytes === 0) this.#send(mirrored, req, null, upstreams, end);
    else {
      copyBody(response, mirrored.bodyBytes, (body) => {
        if (body === undefined) end('dropped');
        else this.#send(mirrored, req, body, upstreams, end);
      });
    }
  }

  /** After a reload: what has no mirror any more is no longer shown. */
  keepOnly(routes: readonly Route[]): void {
    const mirrored = routes.filter((route) => route.kind === 'forward' && route.mirror !== undefined);
    const ids = new Set(mirrored.map(({ id }) => id));
    for (const id of ids) this.#copiesOf(id);
    for (const id of this.#byRoute.keys()) if (!ids.has(id)) this.#byRoute.delete(id);
  }

  counts(): { route: string; result: string; value: number }[] {
    return [...this.#byRoute].flatMap(([route, { counts }]) =>
      Object.entries(counts).map(([result, value]) => ({ route, result, value })),
    );
  }

  #send(
    { copy }: Mirrored,
    { method = 'GET' }: ClientRequest,
    body: Buffer | null,
    upstreams: EdgeUpstreams,
    end: (result: 'sent' | 'failed') => void,
  ): void {
    let answer: MirrorAnswer | undefined;
    try {
      const { route, target, upstreamHeaders } = copy();
      const { upstream, timeoutMs } = route;
      answer = new MirrorAnswer(this.#clock, timeoutMs, end);
      const options: Dispatcher.DispatchOptions & { servername: string } = {
        origin: `https://${upstream}`,
        servername: upstream,
        path: target,
        method: method as Dispatcher.HttpMethod,
        headers: upstreamHeaders as string[],
        body,
        headersTimeout: timeoutMs,
        // `MirrorAnswer` bounds the whole.
        bodyTimeout: 0,
      };
      upstreams.dispatcherOf(upstream).dispatch(options, answer);
    } catch {
      if (answer === undefined) end('failed');
      else answer.onError();
    }
  }

  #copiesOf(routeId: string): Copies {
    let copies = this.#byRoute.get(routeId);
    if (copies === undefined) {
      copies = { underWay: 0, counts: { sent: 0, dropped: 0, failed: 0 } };
      this.#byRoute.set(routeId, copies);
    }
    return copies;
  }
}
