import { followRefs } from './follow-refs.js';
import { listAt, mapAt, member, type Node, unusable } from './problem.js';

export interface BasePath {
  /** Without a slash at its end; empty for none. */
  path: string;
  warning: string | undefined;
}

/** The path of the first server: what clients put before each path of the document. */
export function basePathOf(servers: unknown, root: Node, where: string): BasePath {
  const paths = listAt(servers, where).map((server, index) => {
    const at = `${where}[${index}]`;
    return serverPath(followRefs(root, server, at), at);
  });
  const [path = ''] = paths;
  const others = [...new Set(paths)].filter((other) => other !== path);
  const warning =
    others.length === 0
      ? undefined
      : `its servers have several paths; ${path === '' ? '/' : path} is taken, not ${others.join(', ')}: --base says another`;
  return { path, warning };
}

function serverPath(server: Node, where: string): string {
  const url = filled(server, where);
  const [, path = ''] = /^(?:[a-z][a-z0-9+.-]*:)?\/\/[^/?#]*([^?#]*)/i.exec(url) ?? [undefined, url];
  if (path !== '' && !path.startsWith('/'))
    throw unusable(where, `${url} depends on where the document is served: give the path by --base`);
  return path.replace(/\/+$/, '');
}

/** With the defaults of its variables. */
function filled(server: Node, where: string): string {
  const url = member(server, 'url');
  if (typeof url !== 'string') throw unusable(where, 'has no url');
  const variables = mapAt(member(server, 'variables'), `${where}.variables`);
  return url.replaceAll(/\{([^{}]*)\}/g, (_, name: string) => {
    const at = `${where}.variables.${name}`;
    const value = member(mapAt(member(variables, name), at), 'default');
    if (typeof value !== 'string') throw unusable(at, 'has no default');
    return value;
  });
}
