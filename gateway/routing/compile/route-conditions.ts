import type { RouteCondition } from '../../pipeline/route-condition.js';
import type { RouteConfig } from '../schema.js';

type Wanted = NonNullable<RouteConfig['headers']>[string];

export function compileConditions({
  headers = {},
  query = {},
}: Pick<RouteConfig, 'headers' | 'query'>): RouteCondition[] {
  return [
    ...Object.entries(headers).map(([name, wanted]) => condition('header', name.toLowerCase(), wanted)),
    ...Object.entries(query).map(([name, wanted]) => condition('query', name, wanted)),
  ];
}

function condition(part: RouteCondition['part'], name: string, wanted: Wanted): RouteCondition {
  if (typeof wanted === 'string') return { part, name, needs: { value: wanted } };
  return { part, name, needs: wanted.present ? 'present' : 'absent' };
}

/** In lower case; empty for any host. */
export const hostsOf = ({ hosts = [] }: Pick<RouteConfig, 'hosts'>): string[] =>
  hosts.map((host) => host.toLowerCase());

/** `?v=2`, `X-Beta`, `not X-Beta`: what tells routes of the same path apart, for people. */
export function describeConditions(conditions: readonly RouteCondition[]): string {
  const texts = conditions.map(({ part, name, needs }) => {
    const named = part === 'query' ? `?${name}` : name;
    if (typeof needs === 'object') return `${named}=${needs.value}`;
    return needs === 'present' ? named : `not ${named}`;
  });
  return texts.length === 0 ? '' : ` [${texts.join(', ')}]`;
}
