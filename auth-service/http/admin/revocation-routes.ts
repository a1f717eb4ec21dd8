import { type Static, type TSchema, Type } from 'typebox';
import type { AdminRevocationRequest } from '../../../contracts/admin-revocations.js';
import type { RevokeAsOperator } from '../../revocation/revoke-as-operator.js';
import type { AddAdminRoutes } from '../admin-routes.js';
import { originOf } from '../origin-of.js';
import { sendEnding } from '../send-tokens.js';

const MAX_LIFETIME_S = 400 * 86_400;
/** A token may be handed in whole. */
const BODY_LIMIT_BYTES = 16_384;

const Text = Type.String({ minLength: 1, maxLength: 512 });
const Seconds = Type.Integer({ minimum: 0, maximum: 2 ** 40 });
const Lifetime = Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_LIFETIME_S }));
const scope = { iss: Type.Optional(Text), lifetime_s: Lifetime };

const strictly = <P extends Record<string, TSchema>>(properties: P) =>
  Type.Object(properties, { additionalProperties: false });

export const RevocationBody = Type.Union([
  strictly({ kind: Type.Literal('token'), jti: Text, ...scope }),
  strictly({ kind: Type.Literal('token'), token: Type.String({ minLength: 1 }) }),
  strictly({ kind: Type.Literal('session'), sid: Text, ...scope }),
  strictly({ kind: Type.Literal('subject'), sub: Text, ver: Type.Optional(Seconds), lifetime_s: Lifetime }),
  strictly({ kind: Type.Literal('key'), kid: Text, ...scope }),
  strictly({
    kind: Type.Literal('not-before'),
    before: Type.Optional(Seconds),
    client: Type.Optional(Text),
    sub: Type.Optional(Text),
    ...scope,
  }),
]);

/** 200 when no gateway lets it through any more, 202 when that is under way; durable either way. */
export function revocationRoutes(revoke: RevokeAsOperator): AddAdminRoutes {
  return (admin) => {
    admin.post(
      '/revocations',
      { schema: { body: RevocationBody }, bodyLimit: BODY_LIMIT_BYTES },
      async (request, reply) => {
        const body: Static<typeof RevocationBody> = request.body;
        return sendEnding(reply, await revoke(body as AdminRevocationRequest, originOf(request)));
      },
    );
  };
}
