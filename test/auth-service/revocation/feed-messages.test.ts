import t from 'tap';
import { feedMessages } from '../../../auth-service/revocation/feed-messages.js';
import type { TailListener } from '../../../auth-service/revocation/revocation-tail.js';
import type { RevocationEntry } from '../../../contracts/revocation.js';

const entry = (n: number): RevocationEntry => ({ kind: 'session', iss: 'i', sid: String(n), exp: 1 });
const many = (count: number) => Array.from({ length: count }, (_, n) => entry(n));

function fakeTail(entries: RevocationEntry[] = []) {
  const listeners = new Set<TailListener>();
  return {
    listeners,
    attach(listener: TailListener) {
      listeners.add(listener);
      return { entries, detach: () => listeners.delete(listener) };
    },
  };
}

function start(entries?: RevocationEntry[]) {
  const tail = fakeTail(entries);
  const stop = new AbortController();
  const messages = feedMessages(tail, stop.signal);
  if (messages === undefined) throw new Error('not attached');
  const [listener] = tail.listeners as Set<TailListener> & Iterable<TailListener>;
  if (listener === undefined) throw new Error('no listener');
  return { tail, stop, messages, listener, next: async () => (await messages.next()).value };
}

t.test('the list in batches, then synced, then what came meanwhile, then pings', async (t) => {
  const { next, listener } = start(many(501));
  t.match(await next(), { entries: { length: 500 } });
  listener.merge([entry(1000)]);
  listener.answered();
  t.match(await next(), { entries: { length: 1 } });
  t.strictSame(await next(), { synced: true });
  t.strictSame(await next(), { entries: [entry(1000)] });
  t.strictSame(await next(), { ping: true });
  const later = next();
  listener.answered();
  t.strictSame(await later, { ping: true });
});

t.test('ends, and lets go of the tail, when the database is lost or the service stops', async (t) => {
  for (const how of ['lost', 'stop'] as const) {
    const { messages, next, listener, tail, stop } = start();
    await next();
    const last = messages.next();
    if (how === 'lost') listener.lost(new Error('gone'));
    else stop.abort();
    t.strictSame(await last, { done: true, value: undefined });
    t.equal(tail.listeners.size, 0);
  }
});

t.test('a reader that does not keep up is cut off rather than queued for without end', async (t) => {
  const { next, listener, tail } = start();
  await next();
  listener.merge(many(10_001));
  await t.rejects(next(), { name: 'SlowReaderError' });
  t.equal(tail.listeners.size, 0);
});
