import { Dispatcher } from 'undici';

/** A dispatcher behind which another one can take over: requests under way stay where they are. */
export class SwitchedDispatcher extends Dispatcher {
  #current: Dispatcher;

  constructor(initial: Dispatcher) {
    super();
    this.#current = initial;
  }

  /** Returns the one that was in use. */
  switchTo(next: Dispatcher): Dispatcher {
    const previous = this.#current;
    this.#current = next;
    return previous;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    return this.#current.dispatch(options, handler);
  }
}
