/**
 * The next state of a request: the same object with more known about it. A copy at each stage would cost more than what
 * the stages do themselves. What a stage has said stays; one that needs another word for the same thing, as after an API
 * key's exchange, copies.
 */
export function advance<S extends object, const M extends object>(state: S, more: M): S & M {
  return Object.assign(state, more);
}
