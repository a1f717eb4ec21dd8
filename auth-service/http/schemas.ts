import { Type } from 'typebox';

const strict = { additionalProperties: false } as const;

/** Longer ones are refused before they cost a hash. */
const MAX_PASSWORD_LENGTH = 256;

export const LoginBody = Type.Object(
  {
    email: Type.String({ minLength: 1, maxLength: 320 }),
    password: Type.String({ minLength: 1, maxLength: MAX_PASSWORD_LENGTH }),
    delivery: Type.Optional(Type.Union([Type.Literal('body'), Type.Literal('cookie')])),
  },
  strict,
);

/** The body of refresh and logout; may be left out altogether. */
export const RefreshTokenBody = Type.Object({ refresh_token: Type.Optional(Type.String()) }, strict);
