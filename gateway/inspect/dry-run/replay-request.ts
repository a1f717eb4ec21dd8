import type { AssumedCaller, Explanation } from '../../../contracts/admin-explain.js';
import { listenerFacts } from '../../explain-facts.js';
import type { OfflineGateway } from '../../offline-explain.js';
import { canonicalPath } from '../../pipeline/canonical-path.js';
import type { Route } from '../../pipeline/route.js';
import { compareRoutes } from '../compare-routes.js';
import { traitsOf } from '../sample-request.js';
import { assumeLogged, type Standing, standingOf } from './assume-logged.js';
import type { LoggedRequest } from './logged-request.js';
import { type Change, changeOf, type Side } from './side.js';

export interface Replayed {
  before: Side;
  after: Side;
  /** Undefined: nothing that shows. */
  change: Change | undefined;
  why: string[];
  /** Secrets taken out. */
  path: string | null;
}

/** A request found in both tables, before anybody is asked in full. */
export interface Located {
  key: string;
  /** The log names another route than the old config has: it was written under another one. */
  isOdd: boolean;
  replay(): Promise<Replayed>;
}

interface Found {
  route: Route | undefined;
  params: Readonly<Record<string, string | undefined>>;
}

/**
 * Puts logged requests to two configs. What only the Host, headers or query decide is taken from the route that the log
 * names. Requests with the same `key` come to the same, so that one of them has to be replayed.
 */
export function replayer(before: OfflineGateway, after: OfflineGateway): (logged: LoggedRequest) => Located {
  const routesOf = ({ snapshot }: OfflineGateway) =>
    new Map(snapshot.routes.all.map((route) => [route.id, route]));
  const [oldRoutes, newRoutes] = [routesOf(before), routesOf(after)];
  const { host: defaultHost } = listenerFacts(before.config);
  return (logged) => {
    const named = oldRoutes.get(logged.route ?? '') ?? newRoutes.get(logged.route ?? '');
    const traits = traitsOf(named, defaultHost);
    const [was, is] = [find(before, logged, traits), find(after, logged, traits)];
    const isOdd = was.route?.id !== logged.route && !isUnrouted(logged);
    const standing = standingOf(logged, was.route, !isOdd);
    const caller = assumeLogged(standing, logged, was.route, was.params);
    const place = was.route === undefined && is.route === undefined ? 'nowhere' : '';
    const path = /[%:@$&+,='()*!]|\/\.|\/\//.test(logged.path) ? logged.path : place;
    return {
      isOdd,
      key: JSON.stringify([
        ...[logged.method, path, was.route?.id, is.route?.id, named?.id, standing, logged.isUpgrade],
        ...[logged.code, logged.issuer],
      ]),
      async replay() {
        const asked = {
          method: logged.method,
          url: logged.path + traits.query,
          headers: headersOf(logged, traits),
        };
        const explain = (gateway: OfflineGateway): Promise<Explanation> =>
          gateway.explain({ ...asked, ...(caller !== undefined && { as: caller }) });
        const [old, now] = await Promise.all([explain(before), explain(after)]);
        return judge([old, oldRoutes], [now, newRoutes], standing, caller, logged);
      },
    };
  };
}

/** Refused before a route was looked for, or there was none. */
const isUnrouted = ({ route, code }: LoggedRequest): boolean =>
  route === undefined && code !== 'route_not_found' && code !== 'method_not_allowed';

function find(
  { snapshot }: OfflineGateway,
  { method, path }: LoggedRequest,
  traits: ReturnType<typeof traitsOf>,
): Found {
  try {
    const match = snapshot.routes.find(method, canonicalPath(path, traits.host).path, traits);
    if (match !== undefined && 'route' in match) return match;
  } catch {
    // A path that is refused has no route.
  }
  return { route: undefined, params: {} };
}

function headersOf(
  { isUpgrade }: LoggedRequest,
  { host, headers }: ReturnType<typeof traitsOf>,
): [string, string][] {
  const pairs: [string, string][] = [['host', host]];
  for (let index = 0; index + 1 < headers.length; index += 2)
    pairs.push([headers[index] ?? '', headers[index + 1] ?? '']);
  if (!isUpgrade) return pairs;
  const key = 'AAAAAAAAAAAAAAAAAAAAAA==';
  return [
    ...pairs,
    ...([
      ['connection', 'Upgrade'],
      ['upgrade', 'websocket'],
      ['sec-websocket-version', '13'],
      ['sec-websocket-key', key],
    ] as [string, string][]),
  ];
}

type Explained = [explanation: Explanation, routes: ReadonlyMap<string, Route>];

function judge(
  [old, oldRoutes]: Explained,
  [now, newRoutes]: Explained,
  standing: Standing,
  caller: AssumedCaller | undefined,
  logged: LoggedRequest,
): Replayed {
  const [was, is] = [oldRoutes.get(old.route?.id ?? ''), newRoutes.get(now.route?.id ?? '')];
  const differences =
    was === undefined || is === undefined ? [] : compareRoutes(was, concerning(was, is, standing, logged));
  const side = (explanation: Explanation, route: Route | undefined): Side => ({
    route: route === undefined ? null : { name: nameOf(route), source: route.source },
    ...verdictOf(explanation, standing, caller, logged.code),
  });
  const [before, after] = [side(old, was), side(now, is)];
  const effects = new Set(differences.map(([effect]) => effect));
  return {
    before,
    after,
    change: changeOf(before, after, standing, effects),
    why: differences
      .filter(([effect]) => ['opened', 'weaker', 'stronger', 'destination'].includes(effect))
      .map(([, what]) => what),
    path: old.request.path ?? now.request.path,
  };
}

/** The new route with what cannot matter to this caller left as it was: what the log shows is no longer open. */
function concerning(was: Route, is: Route, standing: Standing, { issuer }: LoggedRequest): Route {
  if (was.access === 'public' || is.access === 'public') return is;
  switch (standing) {
    case 'admitted':
      return issuer === undefined ? is : { ...is, issuers: was.issuers };
    case 'lacking':
      return { ...is, issuers: was.issuers, credentials: was.credentials };
    case 'refused':
    case 'none':
      return { ...is, rules: was.rules };
    case 'unknown':
      return is;
  }
}

function nameOf({ id, hosts, pattern }: Route): string {
  const [conditions = ''] = / \[.*\]$/.exec(id) ?? [];
  return `${hosts.join(',')}${pattern}${conditions}`;
}

function verdictOf(
  { verdict, route }: Explanation,
  standing: Standing,
  caller: AssumedCaller | undefined,
  code: string | undefined,
): Pick<Side, 'verdict' | 'kind'> {
  const { outcome, status, code: refusal, reported } = verdict;
  const served =
    outcome === 'forwarded' ? `forwarded to ${route?.upstream ?? ''}` : `answered ${String(status)}`;
  if (outcome !== 'refused' && reported === null) return { verdict: served, kind: 'served' };
  if (outcome !== 'refused')
    return { verdict: `${served} (report only: ${reported?.code ?? ''})`, kind: 'served' };
  const isAsked = refusal === 'credentials_missing' && caller === undefined;
  if (isAsked && standing === 'unknown') return { verdict: 'needs auth', kind: 'guarded' };
  // The token itself is not in the log; that it was at fault is.
  const told = isAsked && standing === 'refused' && code !== undefined ? code : refusal;
  return { verdict: `${String(status)} ${String(told)}`, kind: 'refused' };
}
