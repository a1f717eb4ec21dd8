import { Type } from 'typebox';
import { closed, HeaderName, Secret } from './common.js';

/** Visible text with spaces inside: what can stand in a header (RFC 9110 section 5.5). */
export const HEADER_VALUE = '^[\\x21-\\x7E]+(?:[ \\t]+[\\x21-\\x7E]+)*$';
export const HeaderValue = Type.String({ pattern: HEADER_VALUE });

const remove = Type.Optional(Type.Array(HeaderName, { minItems: 1, uniqueItems: true }));

export const RequestHeaders = Type.Object(
  {
    set: Type.Optional(
      Type.Record(HeaderName, Secret('the value, or file: and a path'), {
        ...closed,
        description: 'in place of what the client sent',
      }),
    ),
    remove,
  },
  { ...closed, description: 'headers that the upstream gets, or does not get' },
);

export const ResponseHeaders = Type.Object(
  {
    set: Type.Optional(
      Type.Record(HeaderName, HeaderValue, {
        ...closed,
        description: 'in place of what the upstream sent; on refusals too',
      }),
    ),
    remove,
  },
  { ...closed, description: 'headers that the client gets, or does not get' },
);
