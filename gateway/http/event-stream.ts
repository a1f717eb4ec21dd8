import { lowerCaseName } from '../pipeline/header-names.js';
import type { OpenStream } from './shutdown.js';

/** A blank line ends an event (HTML living standard, section 9.2.5), after any of the three line ends. */
const END_OF_EVENT = /(?:\r\n\r\n|\n\n|\r\r)$/;
const LONGEST_END = 4;

/**
 * A stream of events on its way, so that it can be ended between two of them. `end(true)`: nothing is torn apart.
 * `end(false)`: it would be, or nobody can tell, as with a compressed one.
 */
export class EventStream implements OpenStream {
  readonly #end: (isWhole: boolean) => void;
  readonly #isReadable: boolean;
  #tail = '\n\n';
  #isLeaving = false;

  constructor(headers: readonly string[], end: (isWhole: boolean) => void) {
    this.#end = end;
    this.#isReadable = !has(headers, 'content-length') && !has(headers, 'content-encoding');
  }

  /** What has just been sent on. */
  passed(chunk: Buffer): void {
    const end = chunk.toString('latin1', Math.max(0, chunk.length - LONGEST_END));
    this.#tail = (this.#tail + end).slice(-LONGEST_END);
    if (this.#isLeaving) this.leave();
  }

  /** In mid-event that is when the event is whole. */
  leave(): void {
    this.#isLeaving = true;
    if (!this.#isReadable) this.#end(false);
    else if (END_OF_EVENT.test(this.#tail)) this.#end(true);
  }
}

export const isEventStream = (headers: readonly string[]): boolean =>
  firstValue(headers, 'content-type')?.startsWith('text/event-stream') === true;

const has = (headers: readonly string[], name: string): boolean => firstValue(headers, name) !== undefined;

/** The first of a name. */
function firstValue(headers: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < headers.length; i += 2)
    if (lowerCaseName(headers[i] ?? '') === name) return headers[i + 1];
  return undefined;
}
