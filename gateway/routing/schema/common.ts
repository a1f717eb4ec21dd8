import { Type } from 'typebox';
import { DURATION_PATTERN, SIZE_PATTERN } from '../../../kit/units.js';

/** Pieces that the parts of the schema share. */

export const closed = { additionalProperties: false };
export const Duration = (description: string) => Type.String({ pattern: DURATION_PATTERN, description });
export const Size = (description: string) => Type.String({ pattern: SIZE_PATTERN, description });
/** May be written as `file:` and a path; never quoted or shown. */
export const Secret = (description: string) => Type.String({ writeOnly: true, description });
export const Port = Type.Integer({ minimum: 0, maximum: 65535, description: '0 takes a free port' });
export const Name = Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$' });
export const Texts = Type.Array(Type.String({ minLength: 1 }), { uniqueItems: true });
/** No `_` and no `.`: other servers read them as `-`. */
export const HeaderName = Type.String({ pattern: '^[A-Za-z][A-Za-z0-9-]*$', maxLength: 64 });

export const Methods = (description: string) =>
  Type.Array(
    Type.Union(
      ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].map((method) => Type.Literal(method)),
    ),
    { minItems: 1, uniqueItems: true, description },
  );

/** `realm_access.roles` is split at its dots; a list gives the steps one by one, for names that have dots themselves. */
export const ClaimPath = Type.Union([
  Type.String({ minLength: 1 }),
  Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 8 }),
]);

/** Also as one text with commas, so that a variable of the environment can name several. */
export const Targets = (description: string) =>
  Type.Union(
    [
      Type.String({ pattern: '^https://' }),
      Type.Array(Type.String({ pattern: '^https://' }), { minItems: 1 }),
    ],
    {
      description,
    },
  );

/** The single targets of an upstream. */
export function targetsOf(url: string | readonly string[]): string[] {
  return [url].flat().flatMap((text) => text.split(',').map((target) => target.trim()));
}
