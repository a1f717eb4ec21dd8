import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { ExplainRequest, Explanation } from '../../contracts/admin-explain.js';
import { IDENTITY_KINDS } from '../../contracts/identity-headers.js';
import { Problem } from '../../contracts/problem.js';

const closed = { additionalProperties: false };
const Text = Type.String({ maxLength: 16_384 });
const Texts = Type.Array(Text, { maxItems: 1000 });

const Asked = Type.Object(
  {
    method: Type.String({ minLength: 1, maxLength: 64 }),
    url: Type.String({ minLength: 1, maxLength: 65_536 }),
    headers: Type.Optional(Type.Array(Type.Tuple([Text, Text]), { maxItems: 1000 })),
    token: Type.Optional(Text),
    as: Type.Optional(
      Type.Object(
        {
          subject: Type.String({ minLength: 1, maxLength: 1024 }),
          scopes: Type.Optional(Texts),
          roles: Type.Optional(Texts),
          kind: Type.Optional(
            Type.Union(
              IDENTITY_KINDS.filter((kind) => kind !== 'anonymous').map((kind) => Type.Literal(kind)),
            ),
          ),
          client: Type.Optional(Text),
          claims: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
          issuer: Type.Optional(Text),
        },
        closed,
      ),
    ),
  },
  closed,
);

/** `POST /explain`: needs JSON by its content type, which no page of another origin can send unasked. */
export function registerExplainRoute(
  app: FastifyInstance,
  explain: (asked: ExplainRequest) => Promise<Explanation>,
): void {
  app.post('/explain', async (request, reply) => {
    if (!Value.Check(Asked, request.body)) throw new Problem('json_invalid');
    const asked: Static<typeof Asked> = request.body;
    reply.header('cache-control', 'no-store');
    return explain(asked);
  });
}
