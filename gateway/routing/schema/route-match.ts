import { Type } from 'typebox';
import { closed, HeaderName } from './common.js';

const Wanted = Type.Union([
  Type.String({ minLength: 1 }),
  Type.Object({ present: Type.Boolean({ description: 'false: it must not be there' }) }, closed),
]);

/** What a route goes by beside path and methods. */
export const routeMatch = {
  hosts: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      uniqueItems: true,
      description:
        'host names without port; *.example.com stands for one label more. An exact name wins over a wildcard, and that over routes without hosts. Default: any host',
    }),
  ),
  headers: Type.Optional(
    Type.Record(HeaderName, Wanted, {
      ...closed,
      minProperties: 1,
      description: 'headers that a request has to carry: name to exact value, or { present: true | false }',
    }),
  ),
  query: Type.Optional(
    Type.Record(Type.String({ pattern: '^.+$' }), Wanted, {
      ...closed,
      minProperties: 1,
      description: 'likewise in the query',
    }),
  ),
};
