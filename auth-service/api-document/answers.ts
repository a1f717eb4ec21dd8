import { type Static, type TProperties, Type } from 'typebox';
import type { ApiKeyExchange, LogoutResponse, SessionList, TokenResponse } from '../../contracts/auth-api.js';
import type { RevocationEntry, RevocationMessage } from '../../contracts/revocation.js';
import type { Answer } from './operation.js';

/** An answer may grow: only what it has is promised. */
export const answer = <P extends TProperties>(properties: P) => Type.Object(properties);

export const Text = Type.String();
export const Time = Type.String({ format: 'date-time' });
const Seconds = Type.Integer({ minimum: 0 });

export const TokenAnswer = answer({
  access_token: Type.String({ description: 'a JWT (RFC 9068)' }),
  token_type: Type.Union([Type.Literal('Bearer'), Type.Literal('DPoP')]),
  expires_in: Type.Integer({ minimum: 1, description: 'seconds' }),
  refresh_token: Type.Optional(Type.String({ description: 'in body delivery only' })),
  session_id: Text,
});

export const Ended = answer({ revoked: Type.Literal(true) });
export const EndPending = answer({ pending: Type.Literal(true) });

export const SessionListAnswer = answer({
  sessions: Type.Array(
    answer({
      id: Text,
      client_id: Text,
      device: Type.String({ description: 'such as `Firefox on Windows`; a hint' }),
      ip: Type.Union([Text, Type.Null()]),
      created_at: Time,
      last_used_at: Time,
      current: Type.Boolean({ description: 'whether it is the one that asks' }),
    }),
  ),
});

export const ApiKeyExchangeAnswer = answer({ access_token: Text, expires_in: Seconds });

export const RevocationEntrySchema = Type.Union(
  [
    answer({ kind: Type.Literal('token'), iss: Text, jti: Text, exp: Seconds }),
    answer({ kind: Type.Literal('session'), iss: Text, sid: Text, exp: Seconds }),
    answer({ kind: Type.Literal('subject'), iss: Text, sub: Text, ver: Seconds, exp: Seconds }),
    answer({ kind: Type.Literal('key'), iss: Text, kid: Text, exp: Seconds }),
    answer({
      kind: Type.Literal('not-before'),
      iss: Text,
      before: Seconds,
      client: Type.Optional(Text),
      sub: Type.Optional(Text),
      exp: Seconds,
    }),
  ],
  { description: '`exp` (unix seconds): when it may be forgotten' },
);

/** One line of the feed. */
export const RevocationMessageSchema = Type.Union([
  answer({ entries: Type.Array(RevocationEntrySchema) }),
  answer({ synced: Type.Literal(true) }),
  answer({ ping: Type.Literal(true) }),
]);

export const JwksAnswer = answer({
  keys: Type.Array(
    answer({
      kty: Text,
      kid: Type.String({ description: 'RFC 7638 thumbprint' }),
      alg: Type.Union([Type.Literal('ES256'), Type.Literal('EdDSA')]),
      use: Type.Literal('sig'),
      crv: Text,
      x: Text,
      y: Type.Optional(Text),
    }),
  ),
});

/** The contracts that clients are compiled against and these schemas say the same. */
type Same<A, B> = [A, B] extends [B, A] ? true : never;
export const AGREE: [
  Same<Static<typeof TokenAnswer>, TokenResponse>,
  Same<Static<typeof Ended> | Static<typeof EndPending>, LogoutResponse>,
  Same<Static<typeof SessionListAnswer>, SessionList>,
  Same<Static<typeof ApiKeyExchangeAnswer>, ApiKeyExchange>,
  Same<Static<typeof RevocationEntrySchema>, RevocationEntry>,
  Same<Static<typeof RevocationMessageSchema>, RevocationMessage>,
] = [true, true, true, true, true, true];

/** 200 or 202: durable either way. */
export function endings(more: TProperties = {}): Record<200 | 202, Answer> {
  const [ended, pending] = [
    { ...more, ...Ended.properties },
    { ...more, ...EndPending.properties },
  ];
  const isPlain = Object.keys(more).length === 0;
  return {
    200: {
      description: 'Ended: no gateway lets its tokens through any more.',
      schema: isPlain ? Ended : answer(ended),
    },
    202: {
      description: 'Ended for good; on its way to the last gateway.',
      schema: isPlain ? EndPending : answer(pending),
    },
  };
}
