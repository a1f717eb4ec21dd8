import {
  encodeIdentityList,
  encodeIdentityValue,
  IDENTITY_HEADERS,
  IDENTITY_MAX_BYTES,
  identityHeaderList,
} from '../../contracts/identity-headers.js';
import { Problem } from '../../contracts/problem.js';
import { type Caller, callerClaim, type IdentityBlock } from './caller.js';
import type { IdentityLayout } from './identity-layout.js';
import type { HeaderList } from './states.js';

/** More layouts than one caller meets; those of configs that are gone are among them. */
const MAX_BLOCKS = 8;

/**
 * Identity headers v1 and the layout's own, each exactly once or not at all (design 4.2). `assertion` is added where
 * there is one. Throws `identity_too_large` past 8 KiB.
 */
export function identityHeaders(
  caller: Caller,
  layout: IdentityLayout,
  assertion: string | undefined,
): HeaderList {
  const { headers, bytes } = blockOf(caller, layout);
  const asserted = assertion === undefined ? [] : [IDENTITY_HEADERS.assertion, assertion];
  if (bytes + sizeOf(asserted) > IDENTITY_MAX_BYTES) throw new Problem('identity_too_large');
  return assertion === undefined ? headers : [...headers, ...asserted];
}

/** Built once a token and layout: most requests carry a token that has been seen before. */
function blockOf(caller: Caller, layout: IdentityLayout): IdentityBlock {
  const { blocks } = caller;
  for (const known of blocks) if (known.layout === layout) return known;
  const headers = [...identityHeaderList(caller.identity), ...customHeaders(caller, layout)];
  const block = { layout, headers, bytes: sizeOf(headers) };
  if (blocks.length === MAX_BLOCKS) blocks.shift();
  blocks.push(block);
  return block;
}

/** A claim that is missing, or is no text, number, boolean or list of texts, sends no header. */
function customHeaders(caller: Caller, layout: IdentityLayout): HeaderList {
  return layout.custom.flatMap(({ name, claim }) => {
    const value = encodeClaim(callerClaim(caller, claim));
    return value === '' ? [] : [name, value];
  });
}

function encodeClaim(value: unknown): string {
  if (typeof value === 'string') return encodeIdentityValue(value);
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value)))
    return String(value);
  const isTexts = Array.isArray(value) && value.every((item) => typeof item === 'string');
  return isTexts ? encodeIdentityList(value as string[]) : '';
}

/** Names, values, and `: ` and CRLF for each. */
const sizeOf = (headers: HeaderList): number => headers.reduce((sum, text) => sum + text.length + 2, 0);
