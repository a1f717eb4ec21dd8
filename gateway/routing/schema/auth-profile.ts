import { Type } from 'typebox';
import { closed, Texts } from './common.js';

export const AuthProfile = Type.Object(
  {
    issuers: Texts,
    scopes: Type.Optional(Texts),
    roles: Type.Optional(Texts),
    on_stale: Type.Optional(Type.Union([Type.Literal('deny'), Type.Literal('allow')])),
  },
  closed,
);

export const RouteAuth = Type.Object(
  {
    profile: Type.String({ description: 'a name under auth' }),
    scopes: Type.Optional(Texts),
    roles: Type.Optional(Texts),
  },
  closed,
);
