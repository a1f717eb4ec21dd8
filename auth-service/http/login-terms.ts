import type { FastifyRequest } from 'fastify';
import { Problem } from '../../contracts/problem.js';
import type { AuthenticateClient } from '../oauth/authenticate-client.js';
import { clientTerms, requireProof } from '../oauth/client-terms.js';
import { OAuthError } from '../oauth/oauth-error.js';
import { firstPartyTerms, type SessionTerms } from '../tokens/session-terms.js';
import { presentedClient } from './presented-client.js';
import type { ProveKey } from './prove-key.js';

/** Client credentials as a login takes them: the names of RFC 6749 and RFC 7523, in JSON. */
const FIELDS = ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type'] as const;

export type ClientFields = { [field in (typeof FIELDS)[number]]?: string };

export type LoginTerms = (request: FastifyRequest, fields: ClientFields) => Promise<SessionTerms>;

/**
 * On whose behalf somebody logs in. A server-side application that names itself has to prove it, and the session is its
 * own from then on: nobody else can refresh it. Without a name it is the public first-party client. Rejects with Problem
 * `client_invalid`, `dpop_*` or `store_unavailable`.
 */
export function createLoginTerms(deps: {
  authenticateClient: AuthenticateClient;
  proveKey: ProveKey;
}): LoginTerms {
  return async (request, fields) => {
    const values = new Map(FIELDS.flatMap((name) => (fields[name] ? [[name, fields[name]] as const] : [])));
    const presented = presentedClient(request, values);
    // A client library may send its old bearer token along; that names no client.
    const isByHeader = /^Basic /i.test(presented.authorization ?? '');
    if (values.size === 0 && !isByHeader) return firstPartyTerms(await deps.proveKey(request));
    const authorization = isByHeader ? presented.authorization : undefined;
    return asProblems(async () => {
      const client = await deps.authenticateClient({ ...presented, authorization });
      const jkt = await deps.proveKey(request);
      requireProof(client, jkt);
      return clientTerms(client, { jkt });
    });
  };
}

async function asProblems<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof OAuthError)) throw cause;
    throw new Problem(cause.code === 'invalid_dpop_proof' ? 'dpop_invalid' : 'client_invalid', { cause });
  }
}
