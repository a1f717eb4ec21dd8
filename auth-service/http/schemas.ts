import { Type } from 'typebox';

const strict = { additionalProperties: false } as const;

/** Longer ones are refused before they cost a hash. In any spelling 128 characters fit (accounts/password-policy.ts). */
const MAX_PASSWORD_LENGTH = 1024;
const Email = Type.String({ minLength: 1, maxLength: 320 });
const Password = Type.String({ minLength: 1, maxLength: MAX_PASSWORD_LENGTH });
const Delivery = Type.Optional(Type.Union([Type.Literal('body'), Type.Literal('cookie')]));

export const LoginBody = Type.Object({ email: Email, password: Password, delivery: Delivery }, strict);

export const RegisterBody = LoginBody;

export const PasswordChangeBody = Type.Object({ current_password: Password, new_password: Password }, strict);

export const PasswordResetBody = Type.Object(
  { token: Type.String({ minLength: 1, maxLength: 256 }), new_password: Password },
  strict,
);

const Names = Type.Array(Type.String({ pattern: '^[^\\s\\p{Cc}"\\\\]{1,128}$' }), { maxItems: 100 });

export const NewAccountBody = Type.Object(
  {
    email: Email,
    password: Type.Optional(Password),
    roles: Type.Optional(Names),
    scopes: Type.Optional(Names),
  },
  strict,
);

export const AccessBody = Type.Object(
  { roles: Type.Optional(Names), scopes: Type.Optional(Names) },
  { ...strict, minProperties: 1 },
);

/** The body of refresh and logout; may be left out altogether. */
export const RefreshTokenBody = Type.Object({ refresh_token: Type.Optional(Type.String()) }, strict);
