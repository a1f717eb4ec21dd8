import { type Dispatcher, request } from 'undici';
import {
  asRevocation,
  type RevocationEntry,
  type RevocationFeed,
  type RevocationSink,
} from '../../contracts/revocation.js';
import { INTERNAL } from '../../contracts/well-known.js';

/** The source pings each second; this long without a byte means it is gone. */
const SILENCE_MS = 5000;

/** The feed of the auth service's internal listener: one long NDJSON answer over mTLS. */
export function createHttpRevocationFeed(origin: string, dispatcher: Dispatcher): RevocationFeed {
  return {
    async follow(sink, signal) {
      const { statusCode, body } = await request(new URL(INTERNAL.revocations, origin), {
        dispatcher,
        signal,
        headersTimeout: SILENCE_MS,
        bodyTimeout: SILENCE_MS,
      });
      // Whatever happens later to the connection is reported by the loop below; without a listener it would be fatal.
      body.on('error', () => undefined);
      if (statusCode !== 200) {
        body.destroy();
        throw new Error(`the revocation feed answered ${statusCode}`);
      }
      try {
        for await (const line of linesOf(body)) deliver(line, sink);
      } finally {
        body.destroy();
      }
      if (!signal.aborted) throw new Error('the revocation feed ended', { cause: body.errored });
    },
  };
}

/** Whole lines; a line that the connection cut short is not one. */
async function* linesOf(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}

function deliver(line: string, sink: RevocationSink): void {
  if (line === '') return;
  const message = JSON.parse(line) as Record<string, unknown>;
  if (Array.isArray(message['entries'])) sink.merge(message['entries'].map(parseEntry));
  else if (message['synced'] === true) sink.synced();
  sink.answered();
}

/** An entry that cannot be read might be the one that matters, so the feed fails instead of skipping it. */
function parseEntry(value: unknown): RevocationEntry {
  const entry = asRevocation(value);
  if (entry === undefined) throw new Error('the revocation feed sent an entry of an unknown form');
  return entry;
}
