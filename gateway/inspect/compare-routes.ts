import { showDuration, showSize } from '../../kit/units.js';
import type { Mirror, Route, RouteRateLimits } from '../pipeline/route.js';
import { RATE_LIMIT_HEADERS } from '../routing/compile/rate-limits.js';
import { compareAccess, type Difference } from './compare-access.js';
import type { Effect } from './config-change.js';
import { describeDestination } from './describe-access.js';
import { describeRateLimits } from './describe-rate-limits.js';

/** What is decided elsewhere, or says the same in another place. */
const NOT_COMPARED = new Set([
  ...['id', 'source', 'pattern', 'methods', 'hosts', 'conditions', 'upstream', 'kind'],
  ...['access', 'credentials', 'issuers', 'rules', 'reportOnly', 'onStale'],
  ...['withheldHeaders', 'withheldCookies'],
]);

/** Settings whose change has a meaning of its own, by how config calls them. Any other is told as it is. */
const NAMED: Record<string, readonly [effect: Effect, name: string, show: (value: unknown) => string]> = {
  timeoutMs: ['limits', 'timeout', (value) => showDuration(Number(value))],
  tryTimeoutMs: ['limits', 'try_timeout', timeOrNone],
  totalTimeoutMs: ['limits', 'total_timeout', timeOrNone],
  retries: ['limits', 'retries', String],
  idleTimeoutMs: ['limits', 'idle_timeout', (value) => showDuration(Number(value))],
  streamIdleTimeoutMs: ['limits', 'stream_idle_timeout', (value) => showDuration(Number(value))],
  maxBodyBytes: ['limits', 'max_body', (value) => showSize(Number(value))],
  rateLimits: ['limits', 'rate_limit', (value) => describeRateLimits(value as RouteRateLimits)],
  priority: ['limits', 'priority', String],
  droppedHeaders: ['other', 'dropped_headers', withoutLimits],
  rewrite: ['destination', 'rewritten path', json],
  strippedPrefix: ['destination', 'strip_prefix', json],
  answer: ['destination', 'answer', json],
  mirror: ['destination', 'mirror', (value) => describeMirror(value as Mirror)],
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

/** Compared as it is shown: what a limit is counted under, say, is no difference to anybody. */
function compareSetting(name: string, before: unknown, after: unknown): Difference[] {
  if (NOT_COMPARED.has(name)) return [];
  const [effect, label, show] = NAMED[name] ?? (['other', snakeCase(name), json] as const);
  const text = (value: unknown): string => (value === undefined ? 'none' : show(value));
  if (text(before) === text(after)) return [];
  if (name === 'forwardToken')
    return [[after === true ? 'weaker' : 'other', `forward_token: ${json(before)} → ${json(after)}`]];
  return [[effect, `${label}: ${text(before)} → ${text(after)}`]];
}

function timeOrNone(ms: unknown): string {
  return ms === 0 ? 'none' : showDuration(Number(ms));
}

/** Those of a limit go with the limit. */
function withoutLimits(names: unknown): string {
  return json([...(names as ReadonlySet<string>)].filter((name) => !RATE_LIMIT_HEADERS.includes(name)));
}

const describeMirror = ({ percent, route }: Mirror): string => `${percent} % to ${route.upstream}`;

function json(value: unknown): string {
  const plain = (_: string, item: unknown): unknown =>
    item instanceof Set ? [...(item as Set<unknown>)] : item;
  return JSON.stringify(value, plain) ?? 'none';
}

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
