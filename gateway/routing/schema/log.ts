import { type Static, Type } from 'typebox';
import { closed } from './common.js';

export const Log = Type.Object(
  {
    level: Type.Optional(Type.String()),
    access: Type.Optional(
      Type.Union([Type.Literal('on'), Type.Literal('errors'), Type.Literal('off')], {
        description: 'a line for each request (default), for those that ended in an error, or for none',
      }),
    ),
    path: Type.Optional(
      Type.Union([Type.Literal('pattern'), Type.Literal('raw')], {
        description: 'the path as the route has it (default), or as sent, which may hold secrets',
      }),
    ),
    subject: Type.Optional(
      Type.Boolean({ description: "the caller's sub in each line, which is personal data; default false" }),
    ),
  },
  closed,
);

export type LogConfig = Static<typeof Log>;
