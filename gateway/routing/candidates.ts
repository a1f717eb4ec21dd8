import { headerValues } from '../pipeline/ports.js';
import type { Route } from '../pipeline/route.js';
import type { RouteCondition } from '../pipeline/route-condition.js';
import type { RequestTraits } from '../pipeline/snapshot.js';
import { weightOf } from './compare-conditions.js';

/** Routes of the same host, method and path, told apart by headers and query. The narrower one is asked first. */
export class Candidates {
  readonly #routes: readonly Route[];

  constructor(routes: readonly Route[]) {
    this.#routes = [...routes].sort((a, b) => weightOf(b.conditions) - weightOf(a.conditions));
  }

  pick({ headers, query }: RequestTraits): Route | undefined {
    let parameters: URLSearchParams | undefined;
    const valuesOf = ({ part, name }: RouteCondition): readonly string[] | undefined => {
      if (part === 'header') return headers === undefined ? undefined : headerValues(headers, name);
      parameters ??= new URLSearchParams(query);
      return parameters.getAll(name);
    };
    return this.#routes.find(({ conditions }) =>
      conditions.every((condition) => isMet(condition, valuesOf(condition))),
    );
  }
}

function isMet({ needs }: RouteCondition, values: readonly string[] | undefined): boolean {
  if (values === undefined) return true;
  if (needs === 'present') return values.length > 0;
  if (needs === 'absent') return values.length === 0;
  return values.length === 1 && values[0] === needs.value;
}
