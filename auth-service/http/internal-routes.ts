import { Problem } from '../../contracts/problem.js';
import { INTERNAL } from '../../contracts/well-known.js';
import type { Clock } from '../../kit/clock.js';
import { feedMessages } from '../revocation/feed-messages.js';
import type { RevocationTail } from '../revocation/revocation-tail.js';
import type { HttpServer } from './http-server.js';
import { streamLines } from './stream-lines.js';

export interface InternalRouteDeps {
  tail: RevocationTail;
  clock: Clock;
  /** Aborts when the service stops: feeds end, and gateways follow another instance. */
  stopping: AbortSignal;
}

const HEALTH_PATH = '/internal/health';

/** What gateways need besides the public listener; no route of a gateway may name this one. */
export function addInternalRoutes(app: HttpServer, { tail, clock, stopping }: InternalRouteDeps): void {
  app.get(HEALTH_PATH, async (_request, reply) => {
    if (!tail.isLive) throw new Problem('store_unavailable');
    return reply.header('cache-control', 'no-store').send({ status: 'ok' });
  });

  app.get(INTERNAL.revocations, (request, reply) => {
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const messages = feedMessages(tail, AbortSignal.any([gone.signal, stopping]));
    if (messages === undefined) throw new Problem('store_unavailable');
    reply.hijack();
    reply.raw.writeHead(200, {
      'content-type': 'application/x-ndjson',
      'cache-control': 'no-store',
      connection: 'close', // kept open after the feed's end, it would keep a stop waiting
    });
    streamLines(reply.raw, messages, clock).catch((err: unknown) => {
      request.log.warn({ err }, 'a revocation feed was cut off');
      reply.raw.destroy();
    });
  });
}
