import type { Candidate } from '../../../contracts/admin-explain.js';
import { closest } from '../../../kit/closest.js';
import { headerValues } from '../headers.js';
import { hostName, wildcardOf } from '../host-name.js';
import type { Route } from '../route.js';
import type { RouteCondition } from '../route-condition.js';
import type { Located } from '../states.js';

const MAX_NEAR = 5;
/** The path matches, whatever else does not. */
const PATH_MATCHES = 1000;

interface Measured {
  route: Route;
  lost: string;
  /** How near it came; 0 for what has nothing in common. */
  score: number;
}

/**
 * The route that was taken and the others of that path, with what kept each from being taken; where no route was, those
 * that came nearest. A description only: the route table has decided.
 */
export function candidates(located: Located, taken: Route | undefined): Candidate[] {
  const isTaken = (route: Route): boolean => route.id === taken?.id && route.source === taken.source;
  const near = located.snapshot.routes.all
    .filter((route) => !isTaken(route))
    .map((route) => measure(route, located, taken))
    .filter(({ score }) => score >= (taken === undefined ? 1 : PATH_MATCHES))
    .sort((a, b) => b.score - a.score)
    .slice(0, MAX_NEAR)
    .map(({ route, lost }) => ({ route: route.id, source: route.source, lost }));
  return taken === undefined ? near : [{ route: taken.id, source: taken.source, lost: null }, ...near];
}

function measure(route: Route, located: Located, taken: Route | undefined): Measured {
  const { method } = located.request;
  const { matched, lost } = comparePath(route.pattern, located.path.slice(1).split('/'));
  if (lost !== undefined) return { route, lost, score: matched };
  const score = PATH_MATCHES + matched;
  const name = hostName(located.host);
  if (route.hosts.length > 0 && !route.hosts.some((host) => host === name || host === wildcardOf(name)))
    return { route, lost: `it is for ${route.hosts.join(', ')}`, score };
  if (!route.methods.includes(method))
    return { route, lost: `it takes ${route.methods.join(', ')}, not ${method}`, score };
  const unmet = route.conditions.find((condition) => !isMet(condition, located));
  if (unmet !== undefined) return { route, lost: `it needs ${describeCondition(unmet)}`, score };
  const than = taken === undefined ? '' : ` than ${taken.id}`;
  return { route, lost: `it matches, but is less specific${than}`, score };
}

function isMet({ part, name, needs }: RouteCondition, { headers, query }: Located): boolean {
  const values = part === 'header' ? headerValues(headers, name) : new URLSearchParams(query).getAll(name);
  if (needs === 'present') return values.length > 0;
  if (needs === 'absent') return values.length === 0;
  return values.length === 1 && values[0] === needs.value;
}

function describeCondition({ part, name, needs }: RouteCondition): string {
  const named = `${part === 'header' ? 'the header' : 'the parameter'} ${name}`;
  if (typeof needs === 'object') return `${named} once, with the value ${needs.value}`;
  return needs === 'present' ? named : `no ${named.slice(4)}`;
}

/** How many segments agree, half for one that nearly does, and what the first that does not was about. */
function comparePath(
  pattern: string,
  segments: readonly string[],
): { matched: number; lost: string | undefined } {
  const wanted = pattern.slice(1).split('/');
  for (const [index, part] of wanted.entries()) {
    const found = segments[index];
    if (part === '*' && index === wanted.length - 1 && found !== undefined)
      return { matched: index, lost: undefined };
    if (found === undefined) return { matched: index, lost: `the path ends before /${part}` };
    const agrees = part.startsWith(':') ? found !== '' : part === found;
    if (agrees) continue;
    const nearly = closest(found, [part]) === undefined ? 0 : 0.5;
    return {
      matched: index + nearly,
      lost: `it has ${quoted(part)} where the path has ${quoted(found)}`,
    };
  }
  const more = segments[wanted.length];
  if (more === undefined) return { matched: wanted.length, lost: undefined };
  return { matched: wanted.length, lost: `the path goes on with ${quoted(more)}` };
}

const quoted = (segment: string): string => (segment === '' ? 'nothing' : `"${segment}"`);
