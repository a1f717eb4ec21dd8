import type { RouteCondition } from '../pipeline/route-condition.js';

/**
 * How the conditions of two routes stand to each other. `apart`: no request meets both. `overlap`: some request meets
 * both and neither is the narrower one, so that nothing says which route it should get.
 */
export type ConditionRelation = 'same' | 'narrower' | 'wider' | 'apart' | 'overlap';

export function compareConditions(
  one: readonly RouteCondition[],
  other: readonly RouteCondition[],
): ConditionRelation {
  if (one.some((a) => other.some((b) => isSamePart(a, b) && exclude(a, b)))) return 'apart';
  const isNarrower = other.every((b) => one.some((a) => implies(a, b)));
  const isWider = one.every((a) => other.some((b) => implies(b, a)));
  if (isNarrower && isWider) return 'same';
  if (isNarrower) return 'narrower';
  return isWider ? 'wider' : 'overlap';
}

/** Greater for the narrower of two routes that are not apart: a value says more than presence. */
export function weightOf(conditions: readonly RouteCondition[]): number {
  return conditions.reduce((sum, { needs }) => sum + (typeof needs === 'object' ? 2 : 1), 0);
}

const isSamePart = (a: RouteCondition, b: RouteCondition): boolean => a.part === b.part && a.name === b.name;

function exclude({ needs: a }: RouteCondition, { needs: b }: RouteCondition): boolean {
  if (typeof a === 'object' && typeof b === 'object') return a.value !== b.value;
  return (a === 'absent') !== (b === 'absent');
}

function implies(a: RouteCondition, b: RouteCondition): boolean {
  if (!isSamePart(a, b)) return false;
  if (typeof b.needs === 'object') return typeof a.needs === 'object' && a.needs.value === b.needs.value;
  return (a.needs === 'absent') === (b.needs === 'absent');
}
