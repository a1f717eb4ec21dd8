import type { Effect } from '../config-change.js';
import type { Standing } from './assume-logged.js';

/** What one config makes of a request. */
export interface Side {
  /** `name`: hosts, path and conditions; `source`: `file:line`. */
  route: { name: string; source: string } | null;
  /** Such as `forwarded to orders`, `403 insufficient_scope`, `needs auth`. */
  verdict: string;
  /** `guarded`: it depends on a token of which the log says nothing. */
  kind: 'served' | 'guarded' | 'refused';
}

/** What a change of the config means for requests that were made, the most dangerous first. */
export const CHANGES = [
  ['opened', 'WAS REFUSED, NOW SERVED'],
  ['refused', 'was served, now refused'],
  ['may_open', 'was refused, may be served now: that depends on the token, which the log does not hold'],
  ['may_refuse', 'was served, may be refused now: that depends on the token, which the log does not hold'],
  ['verdict', 'other verdict'],
  ['destination', 'goes elsewhere'],
  ['route', 'the same verdict by another route'],
] as const;

export type Change = (typeof CHANGES)[number][0];

/** Undefined when nothing changes that the log can show. */
export function changeOf(
  before: Side,
  after: Side,
  standing: Standing,
  effects: ReadonlySet<Effect>,
): Change | undefined {
  const isMore = effects.has('stronger');
  const isLess = effects.has('weaker') || effects.has('opened');
  if (before.kind === 'refused' && after.kind === 'served') return 'opened';
  // A 401 is about the issuer, which the log does hold.
  if (before.kind === 'served' && after.kind === 'refused')
    return standing === 'admitted' && isMore && !after.verdict.startsWith('401') ? 'may_refuse' : 'refused';
  if (before.kind === 'served' && after.kind === 'guarded') return 'may_refuse';
  if (before.kind === 'guarded' && after.kind === 'served') return 'opened';
  // Who was admitted had what the old rules ask for; more than that nobody knows.
  if (standing === 'admitted' && isMore) return 'may_refuse';
  if (before.kind === 'refused' && isLess) return 'may_open';
  if (before.kind === 'guarded' && after.kind === 'guarded' && isLess) return 'may_open';
  if (before.kind === 'guarded' && after.kind === 'guarded' && isMore) return 'may_refuse';
  if (before.kind !== after.kind) return 'verdict';
  if (before.kind === 'served' && (before.verdict !== after.verdict || effects.has('destination')))
    return 'destination';
  if (before.verdict !== after.verdict) return 'verdict';
  return shapeOf(before) === shapeOf(after) ? undefined : 'route';
}

/** Names of parameters and how methods are grouped make no other route. */
const shapeOf = ({ route }: Side): string | undefined => route?.name.replaceAll(/\/:[^/ ]+/g, '/:');
