import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { type Clock, pause } from '../../kit/clock.js';

/** A reader that takes nothing for this long is cut off; what is kept for it until then is bounded. */
const DRAIN_TIMEOUT_MS = 5000;

/**
 * Writes each message as one line of JSON, as fast as the reader takes them, and ends. Rejects when the reader stalls
 * or the messages fail; resolves when the reader leaves.
 */
export async function streamLines(
  output: Writable,
  messages: AsyncIterable<unknown>,
  clock: Clock,
): Promise<void> {
  for await (const message of messages) {
    if (output.destroyed) return;
    if (!output.write(`${JSON.stringify(message)}\n`)) await drained(output, clock);
  }
  output.end();
}

async function drained(output: Writable, clock: Clock): Promise<void> {
  const settled = new AbortController();
  const { signal } = settled;
  const isDrained = Promise.race([once(output, 'drain', { signal }), once(output, 'close', { signal })]).then(
    () => true,
  );
  const isStalled = pause(clock, DRAIN_TIMEOUT_MS, signal).then(() => false);
  try {
    if (!(await Promise.race([isDrained, isStalled]))) throw new Error('the reader stalled');
  } finally {
    isDrained.catch(() => undefined);
    settled.abort();
  }
}
