import { Type } from 'typebox';

const strict = { additionalProperties: false } as const;

/** Longer ones are refused before they cost a hash. In any spelling 128 characters fit (accounts/password-policy.ts). */
const MAX_PASSWORD_LENGTH = 1024;
const Email = Type.String({ minLength: 1, maxLength: 320 });
const Password = Type.String({ minLength: 1, maxLength: MAX_PASSWORD_LENGTH });
const Delivery = Type.Optional(
  Type.Union([Type.Literal('body'), Type.Literal('cookie')], {
    description: 'where the refresh token goes: into the answer (default), or into an HTTP-only cookie',
  }),
);

const ClientField = Type.Optional(Type.String({ minLength: 1, maxLength: 2048 }));

/** What a server-side application adds to a login, unless it does so by header (login-terms.ts). */
const ClientFields = {
  client_id: ClientField,
  client_secret: ClientField,
  client_assertion: ClientField,
  client_assertion_type: ClientField,
};

export const LoginBody = Type.Object(
  { email: Email, password: Password, delivery: Delivery, ...ClientFields },
  strict,
);

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
export const RefreshTokenBody = Type.Object(
  { refresh_token: Type.Optional(Type.String({ description: 'left out: the cookie' })) },
  strict,
);
