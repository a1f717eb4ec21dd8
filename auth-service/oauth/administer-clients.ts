import { FIRST_PARTY_CLIENT_ID } from '../../contracts/access-token.js';
import { Problem } from '../../contracts/problem.js';
import { REVOCATION_MARGIN_S, type RevocationEntry } from '../../contracts/revocation.js';
import type { Clock } from '../../kit/clock.js';
import type { AwaitPublished, Ending } from '../revocation/await-published.js';
import { insertAuditRecord, type Origin } from '../stores/audit.js';
import type { Database } from '../stores/database.js';
import {
  disableClient,
  expireCredential,
  findClient,
  insertClient,
  insertCredential,
  listClients,
  lockClient,
} from '../stores/oauth-clients.js';
import { findRevocation, insertRevocation, insertRevocations } from '../stores/revocations.js';
import { type Client, liveCredentials, MAX_CLIENT_TOKEN_TTL_S } from './client.js';
import type { MakeCredential, NewCredential } from './make-credential.js';

export type ClientSpec = Omit<Client, 'credentials' | 'createdAtMs' | 'disabledAtMs'>;

export interface ClientWithSecret {
  client: Client;
  /** Told once; only its hash is kept. */
  secret: string | undefined;
}

export interface AdministerClients {
  /** Rejects with Problem `conflict` for a name that is taken, `json_invalid` for a credential that cannot serve. */
  create(spec: ClientSpec, credential: NewCredential, origin: Origin): Promise<ClientWithSecret>;
  list(): Promise<Client[]>;
  /**
   * Adds a credential; what there was ends after `overlapMs`. At 0 it ends now, and so do the tokens that it got.
   * Rejects with Problem `not_found`, or `conflict` while two are live already.
   */
  rotate(
    id: string,
    credential: NewCredential,
    overlapMs: number,
    origin: Origin,
  ): Promise<ClientWithSecret & { ending: Ending | undefined }>;
  /** Ends the client, its tokens and those of the people whom it logged in. Rejects with Problem `not_found`. */
  disable(id: string, origin: Origin): Promise<Ending>;
}

const MAX_LIVE_CREDENTIALS = 2;
/**
 * A request that was authenticated before the client was disabled, on another instance or with a clock that is ahead,
 * may still sign a token. The client gets none any more, so nothing is lost by dating its end a minute ahead.
 */
const LATE_TOKENS_S = 60;

export function createAdministerClients(deps: {
  database: Database;
  clock: Clock;
  issuer: string;
  awaitPublished: AwaitPublished;
  makeCredential: MakeCredential;
}): AdministerClients {
  const { database, clock, issuer, awaitPublished, makeCredential } = deps;
  const tokensEndS = (nowMs: number): number =>
    Math.floor(nowMs / 1000) + MAX_CLIENT_TOKEN_TTL_S + REVOCATION_MARGIN_S;

  return {
    async create(spec, newCredential, origin) {
      const nowMs = clock.now();
      const { credential, secret } = await makeCredential(spec.authMethod, newCredential, nowMs);
      const client: Client = {
        ...spec,
        createdAtMs: nowMs,
        disabledAtMs: undefined,
        credentials: [credential],
      };
      await database.transaction(async (trx) => {
        const isTaken = spec.id === FIRST_PARTY_CLIENT_ID || !(await insertClient(trx, client));
        if (isTaken) throw new Problem('conflict');
        await insertAuditRecord(trx, record('client.created', client, origin), new Date(nowMs));
      });
      return { client, secret };
    },

    list: () => database.run(listClients),

    async rotate(id, newCredential, overlapMs, origin) {
      const nowMs = clock.now();
      const now = new Date(nowMs);
      const found = await database.run((db) => findClient(db, id));
      if (found === undefined) throw new Problem('not_found');
      const { credential, secret } = await makeCredential(found.authMethod, newCredential, nowMs);
      const seq = await database.transaction(async (trx) => {
        const client = await lockClient(trx, id);
        if (client === undefined || client.disabledAtMs !== undefined) throw new Problem('conflict');
        const old = liveCredentials(client, nowMs);
        if (overlapMs > 0 && old.length >= MAX_LIVE_CREDENTIALS) throw new Problem('conflict');
        await insertCredential(trx, id, credential);
        for (const { id: oldId, expiresAtMs = Number.POSITIVE_INFINITY } of old) {
          await expireCredential(trx, oldId, Math.min(expiresAtMs, nowMs + overlapMs));
        }
        await insertAuditRecord(trx, record('client.rotated', client, origin, { overlapMs }), now);
        if (overlapMs > 0) return undefined;
        const exp = tokensEndS(nowMs);
        const entries = old.map(
          ({ id: sid }): RevocationEntry => ({ kind: 'session', iss: issuer, sid, exp }),
        );
        return insertRevocations(trx, entries, now);
      });
      const client = (await database.run((db) => findClient(db, id))) ?? found;
      return { client, secret, ending: seq === undefined ? undefined : await awaitPublished(seq) };
    },

    async disable(id, origin) {
      const nowMs = clock.now();
      const now = new Date(nowMs);
      const seq = await database.transaction(async (trx) => {
        const client = await lockClient(trx, id);
        if (client === undefined) throw new Problem('not_found');
        if (client.disabledAtMs !== undefined) return findRevocation(trx, 'not-before', id);
        await disableClient(trx, id, now);
        await insertAuditRecord(trx, record('client.disabled', client, origin), now);
        const before = Math.ceil(nowMs / 1000) + LATE_TOKENS_S;
        return insertRevocation(
          trx,
          { kind: 'not-before', iss: issuer, before, client: id, exp: tokensEndS(nowMs) },
          now,
        );
      });
      return seq === undefined ? 'revoked' : awaitPublished(seq);
    },
  };
}

function record(
  action: 'client.created' | 'client.rotated' | 'client.disabled',
  { id, service, authMethod }: Client,
  origin: Origin,
  detail: Record<string, unknown> = {},
) {
  const subject = `svc:${service}`;
  return {
    action,
    actor: 'operator',
    subject,
    origin,
    detail: { clientId: id, authMethod, ...detail },
  } as const;
}
