import type { RevocationEntry, RevocationMessage } from '../../contracts/revocation.js';
import type { RevocationTail } from './revocation-tail.js';

const BATCH_SIZE = 500;
/** Entries that wait for one slow reader before it is cut off; it reads the whole list when it is back. */
const MAX_QUEUED_ENTRIES = 10_000;

export class SlowReaderError extends Error {
  override readonly name = 'SlowReaderError';
}

/**
 * What the feed over HTTP says (contracts/revocation.ts), made as fast as it is taken. Ends when `signal` aborts or
 * the database is lost: a feed that cannot know must not say that it is well. Returns undefined while it is lost.
 * Throws SlowReaderError.
 */
export function feedMessages(
  tail: Pick<RevocationTail, 'attach'>,
  signal: AbortSignal,
): AsyncGenerator<RevocationMessage, void> | undefined {
  const queue: RevocationEntry[] = [];
  let hasAnswered = false;
  let isOver = false;
  let wake: () => void = () => undefined;

  const attached = tail.attach({
    merge(entries) {
      queue.push(...entries);
      wake();
    },
    answered() {
      hasAnswered = true;
      wake();
    },
    lost() {
      isOver = true;
      wake();
    },
  });
  if (attached === undefined) return undefined;
  const { entries, detach } = attached;
  const finish = (): void => {
    isOver = true;
    wake();
  };
  signal.addEventListener('abort', finish, { once: true });
  if (signal.aborted) finish();
  return messages();

  async function* messages(): AsyncGenerator<RevocationMessage, void> {
    try {
      for (let at = 0; at < entries.length && !isOver; at += BATCH_SIZE) {
        yield { entries: entries.slice(at, at + BATCH_SIZE) };
      }
      if (!isOver) yield { synced: true };
      while (!isOver) {
        if (queue.length > MAX_QUEUED_ENTRIES) throw new SlowReaderError('the reader does not keep up');
        if (queue.length > 0) yield { entries: queue.splice(0, BATCH_SIZE) };
        else if (hasAnswered) {
          hasAnswered = false;
          yield { ping: true };
        } else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      signal.removeEventListener('abort', finish);
      detach();
    }
  }
}
