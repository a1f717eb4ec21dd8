import { Type } from 'typebox';
import { Problem } from '../../contracts/problem.js';
import { INTERNAL } from '../../contracts/well-known.js';
import type { ExchangeApiKey } from '../api-keys/exchange-api-key.js';
import type { HttpServer } from './http-server.js';

export const ApiKeyExchangeBody = Type.Object(
  { api_key: Type.String({ maxLength: 256 }) },
  { additionalProperties: false },
);

/** For gateways on the internal listener; see {@link INTERNAL.apiKeyExchange}. */
export function addApiKeyExchangeRoute(app: HttpServer, exchangeApiKey: ExchangeApiKey): void {
  app.post(INTERNAL.apiKeyExchange, { schema: { body: ApiKeyExchangeBody } }, async (request, reply) => {
    const exchanged = await exchangeApiKey(request.body.api_key);
    if (exchanged === undefined) throw new Problem('not_found');
    return reply.header('cache-control', 'no-store').send(exchanged);
  });
}
