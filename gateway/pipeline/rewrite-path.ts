import { Problem } from '../../contracts/problem.js';
import { advance } from './advance.js';
import { fillTemplate } from './path-template.js';
import type { Addressed, Admitted } from './states.js';

/** What the upstream is asked for: the path that was decided on, or what the route makes of it. The query stays. */
export function rewritePath(admitted: Admitted): Addressed {
  const { route, path, query } = admitted;
  if (route.kind !== 'forward') throw new Problem('internal_error');
  const upstreamPath = route.rewrite === undefined ? path : fillTemplate(route.rewrite, path);
  return advance(admitted, { route, target: upstreamPath + query });
}
