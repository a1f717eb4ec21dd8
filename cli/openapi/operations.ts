import { basePathOf } from './base-path.js';
import { followRefs } from './follow-refs.js';
import { mapAt, member, type Node, unusable } from './problem.js';
import type { OpenApiDocument } from './read-document.js';

export interface Operation {
  /** `GET /orders/{id}` */
  name: string;
  method: string;
  /** With the base path before it. */
  path: string;
  /** The operation's own, or else the document's; undefined where neither says. */
  security: unknown;
  /** Where that stands. */
  securityAt: string;
  hasBody: boolean;
  warnings: string[];
}

/** In the order in which a route lists them. */
const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options', 'trace', 'query'];

/** Every operation of the document. `base` takes the place of its servers' paths. */
export function operationsOf({ root, file }: OpenApiDocument, base: string | undefined): Operation[] {
  const paths = Object.entries(mapAt(member(root, 'paths'), 'paths')).filter(
    ([path]) => !path.startsWith('x-'),
  );
  const operations = paths.flatMap(([path, written]) => {
    if (!path.startsWith('/')) throw unusable(`paths.${path}`, 'has to begin with /');
    const item = followRefs(root, written, `paths.${path}`);
    return METHODS.filter((method) => member(item, method) !== undefined).map((method) =>
      operationOf(root, path, item, method, base),
    );
  });
  if (operations.length === 0) throw unusable(file, 'the document has no operation under paths');
  return operations;
}

function operationOf(
  root: Node,
  path: string,
  item: Node,
  method: string,
  base: string | undefined,
): Operation {
  const at = `paths.${path}.${method}`;
  const operation = followRefs(root, member(item, method), at);
  const own = member(operation, 'security');
  const [servers, serversAt] = ([
    [member(operation, 'servers'), `${at}.servers`],
    [member(item, 'servers'), `paths.${path}.servers`],
    [member(root, 'servers'), 'servers'],
  ].find(([found]) => found !== undefined) ?? [undefined, 'servers']) as [unknown, string];
  const basePath =
    base === undefined ? basePathOf(servers, root, serversAt) : { path: base, warning: undefined };
  return {
    name: `${method.toUpperCase()} ${path}`,
    method: method.toUpperCase(),
    path: basePath.path + path,
    security: own === undefined ? member(root, 'security') : own,
    securityAt: own === undefined ? 'security' : `${at}.security`,
    hasBody: member(operation, 'requestBody') !== undefined,
    warnings: basePath.warning === undefined ? [] : [basePath.warning],
  };
}
