import type { OfflineGateway } from '../offline-explain.js';
import type { Route } from '../pipeline/route.js';
import type { IssuerConfig } from '../routing/schema.js';
import { compareRoutes } from './compare-routes.js';
import { compareSettings } from './compare-settings.js';
import { compareUpstreams } from './compare-upstreams.js';
import { type ConfigChange, EFFECTS } from './config-change.js';
import { describeAccess, describeDestination } from './describe-access.js';
import { routeFor, sampleRequests } from './sample-request.js';

/**
 * What changes for somebody: each kind of request is put to both configs, so that what is written otherwise and does
 * the same is no change, and a route that takes requests from another one shows. The most dangerous first.
 */
export function diffConfigs(before: OfflineGateway, after: OfflineGateway): ConfigChange[] {
  const samples = sampleRequests([...before.snapshot.routes.all, ...after.snapshot.routes.all]);
  const changes = samples.flatMap((sample) => {
    const [was, is] = [routeFor(before.snapshot.routes, sample), routeFor(after.snapshot.routes, sample)];
    return changesOf(sample.name, was, is, before, after);
  });
  const settings = [
    ...compareIssuers(before.config.issuers, after.config.issuers),
    ...compareUpstreams(before.config.upstreams, after.config.upstreams),
    ...compareSettings(before, after),
  ];
  const order = EFFECTS.map(([effect]) => effect);
  return mergeSame([...changes, ...settings]).sort(
    (a, b) => order.indexOf(a.effect) - order.indexOf(b.effect),
  );
}

function changesOf(
  where: string,
  was: Route | undefined,
  is: Route | undefined,
  before: OfflineGateway,
  after: OfflineGateway,
): ConfigChange[] {
  if (was !== undefined && is !== undefined)
    return compareRoutes(was, is).map(([effect, what]) => ({ effect, where, what, source: is.source }));
  if (is !== undefined) return [{ effect: 'added', where, what: whatOf(is, after), source: is.source }];
  if (was !== undefined) return [{ effect: 'removed', where, what: whatOf(was, before), source: was.source }];
  return [];
}

function whatOf(route: Route, { config, snapshot }: OfflineGateway): string {
  const written = config.routes[snapshot.routes.all.indexOf(route)];
  const access = written === undefined ? route.access : describeAccess(route, written);
  return `${access} → ${describeDestination(route)}`;
}

/** One line for the methods of a route that change alike. */
function mergeSame(changes: readonly ConfigChange[]): ConfigChange[] {
  const merged = new Map<string, ConfigChange & { methods: string[] }>();
  for (const change of changes) {
    const [, method, rest = change.where] = /^([A-Z]+) (.*)$/s.exec(change.where) ?? [];
    const key = JSON.stringify([change.effect, rest, change.what]);
    const known = merged.get(key);
    if (known === undefined)
      merged.set(key, { ...change, where: rest, methods: method === undefined ? [] : [method] });
    else if (method !== undefined) known.methods.push(method);
  }
  return [...merged.values()].map(({ methods, ...change }) => {
    const shown = methods.includes('GET') ? methods.filter((method) => method !== 'HEAD') : methods;
    return { ...change, where: [shown.join('|'), change.where].filter((part) => part !== '').join(' ') };
  });
}

function compareIssuers(
  before: Record<string, IssuerConfig>,
  after: Record<string, IssuerConfig>,
): ConfigChange[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((name): ConfigChange[] => {
    const [was, is] = [before[name], after[name]] as (Record<string, unknown> | undefined)[];
    const change = (where: string, what: string): ConfigChange => ({
      ...{ effect: 'issuers', where, what, source: null },
    });
    const where = `issuers.${name}`;
    if (was === undefined) return [change(where, 'new')];
    if (is === undefined) return [change(where, 'gone')];
    return [...new Set([...Object.keys(was), ...Object.keys(is)])]
      .filter((key) => JSON.stringify(was[key]) !== JSON.stringify(is[key]))
      .map((key) => change(`${where}.${key}`, `${json(was[key])} → ${json(is[key])}`));
  });
}

const json = (value: unknown): string => JSON.stringify(value) ?? 'none';
