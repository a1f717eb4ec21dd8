import type { FastifyRequest } from 'fastify';
import type { PresentedClient } from '../oauth/read-client-claim.js';

/** The gateway's word for the certificate of a connection (RFC 9440); it takes such a header from nobody. */
const CLIENT_CERT = 'client-cert';

/** What a request says of its client. */
export function presentedClient(
  { headers, id }: FastifyRequest,
  values: ReadonlyMap<string, string>,
): PresentedClient {
  const certificate = headers[CLIENT_CERT];
  return {
    authorization: headers.authorization,
    certificate: typeof certificate === 'string' ? certificate : undefined,
    form: { values },
    requestId: id,
  };
}
