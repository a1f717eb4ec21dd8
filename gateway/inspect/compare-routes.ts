import type { Route } from '../pipeline/route.js';
import { compareAccess, type Difference } from './compare-access.js';
import type { Effect } from './config-change.js';
import { describeDestination } from './describe-access.js';
import { duration, size } from './effective-config.js';

/** What is decided elsewhere, or says the same in another place. */
const NOT_COMPARED = new Set([
  ...['id', 'source', 'pattern', 'methods', 'hosts', 'conditions', 'upstream', 'kind'],
  ...['access', 'credentials', 'issuers', 'rules', 'reportOnly', 'onStale'],
  ...['withheldHeaders', 'withheldCookies'],
]);

/** Settings whose change has a meaning of its own, by how config calls them. Any other is told as it is. */
const NAMED: Record<string, readonly [effect: Effect, name: string, show: (value: unknown) => string]> = {
  timeoutMs: ['limits', 'timeout', (value) => duration(Number(value))],
  idleTimeoutMs: ['limits', 'idle_timeout', (value) => duration(Number(value))],
  maxBodyBytes: ['limits', 'max_body', (value) => size(Number(value))],
  rateLimit: ['limits', 'rate_limit', json],
  rewrite: ['destination', 'rewritten path', json],
  strippedPrefix: ['destination', 'strip_prefix', json],
  answer: ['destination', 'answer', json],
  location: ['destination', 'location', json],
  origins: ['other', 'origins', json],
};

/** What a request that came to one route and now comes to the other gets to feel. */
export function compareRoutes(before: Route, after: Route): Difference[] {
  const [was, is] = [before, after] as unknown as Record<string, unknown>[];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return [
    ...compareAccess(before, after),
    ...compareDestination(before, after),
    ...names.flatMap((name) => compareSetting(name, was?.[name], is?.[name])),
  ];
}

function compareDestination(before: Route, after: Route): Difference[] {
  const [was, is] = [describeDestination(before), describeDestination(after)];
  return was === is ? [] : [['destination', `${was} → ${is}`]];
}

function compareSetting(name: string, before: unknown, after: unknown): Difference[] {
  if (NOT_COMPARED.has(name) || json(before) === json(after)) return [];
  if (name === 'forwardToken')
    return [[after === true ? 'weaker' : 'other', `forward_token: ${json(before)} → ${json(after)}`]];
  const [effect, label, show] = NAMED[name] ?? (['other', snakeCase(name), json] as const);
  const text = (value: unknown): string => (value === undefined ? 'none' : show(value));
  return [[effect, `${label}: ${text(before)} → ${text(after)}`]];
}

function json(value: unknown): string {
  const plain = (_: string, item: unknown): unknown =>
    item instanceof Set ? [...(item as Set<unknown>)] : item;
  return JSON.stringify(value, plain) ?? 'none';
}

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
