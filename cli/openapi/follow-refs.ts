import { mapAt, member, type Node, unusable } from './problem.js';

const MAX_HOPS = 16;

/**
 * A map of the document with its `$ref` followed, as often as it takes. Only references within the document are: another
 * file or address could change after somebody has looked through what was made of it. What stands beside a `$ref` wins.
 */
export function followRefs(root: Node, value: unknown, where: string): Node {
  let node = mapAt(value, where);
  for (let hops = 0; ; hops++) {
    const { $ref: ref, ...beside } = node;
    if (ref === undefined) return node;
    if (typeof ref !== 'string' || !ref.startsWith('#/'))
      throw unusable(where, `$ref ${shown(ref)} leads out of the document: bundle it into one file first`);
    if (hops === MAX_HOPS) throw unusable(where, `$ref ${shown(ref)} leads in a circle`);
    node = { ...mapAt(atPointer(root, ref, where), `${where} $ref`), ...beside };
  }
}

const shown = (ref: unknown): string => JSON.stringify(ref)?.slice(0, 200) ?? 'none';

/** RFC 6901, as a URI fragment. */
function atPointer(root: Node, ref: string, where: string): unknown {
  let found: unknown = root;
  for (const token of ref.slice(2).split('/')) {
    const name = decoded(token).replaceAll('~1', '/').replaceAll('~0', '~');
    found = typeof found === 'object' && found !== null ? member(found as Node, name) : undefined;
  }
  if (found === undefined) throw unusable(where, `$ref ${shown(ref)} leads nowhere`);
  return found;
}

function decoded(token: string): string {
  try {
    return decodeURIComponent(token);
  } catch {
    return token;
  }
}
