import { EventEmitter } from 'node:events';
import t from 'tap';
import { Channel, type Message, type Port } from '../../../gateway/cluster/channel.js';

type Asked = { double: { body: number; answer: number }; fail: { body: null; answer: null } };

/** Two ports of which each gets what the other sends; what arrives before anybody listens is lost, as with processes. */
function connected() {
  const [one, other] = [new EventEmitter(), new EventEmitter()];
  const port = (own: EventEmitter, far: EventEmitter): Port =>
    Object.assign(own, {
      send(message: Message, sent: (error: Error | null) => void) {
        far.emit('message', structuredClone(message));
        sent(null);
      },
    });
  return [port(one, other), port(other, one)] as const;
}

const handlers = {
  double: (body: number) => body * 2,
  fail: () => Promise.reject(new Error('not today')),
};

t.test('what is asked before the other side listens waits for it, in order', async (t) => {
  const [primary, worker] = connected();
  const channel = new Channel<Asked, Record<never, never>>('primary', primary, {});
  const answers = [channel.ask('double', 1), channel.ask('double', 2)];
  const served: number[] = [];
  new Channel<Record<never, never>, Asked>('worker', worker, {
    ...handlers,
    double(body) {
      served.push(body);
      return body * 2;
    },
  });
  t.strictSame(await Promise.all(answers), [2, 4]);
  t.strictSame(served, [1, 2]);
});

t.test('a failure of the other side is its words; what it does not know it refuses', async (t) => {
  const [primary, worker] = connected();
  const channel = new Channel<Asked & { other: { body: null; answer: null } }, Record<never, never>>(
    'primary',
    primary,
    {},
  );
  new Channel<Record<never, never>, Asked>('worker', worker, handlers);
  await t.rejects(channel.ask('fail', null), { message: 'not today' });
  await t.rejects(channel.ask('other', null), { message: /another version/ });
});

t.test('what is not answered fails: after its time, or when the other side is gone', async (t) => {
  const [primary] = connected();
  const channel = new Channel<Asked, Record<never, never>>('primary', primary, {});
  const alive = setInterval(() => undefined, 1000);
  t.teardown(() => clearInterval(alive));
  await t.rejects(channel.ask('double', 1, 1), { message: 'no answer to double within 1 ms' });
  const waiting = channel.ask('double', 1);
  (primary as unknown as EventEmitter).emit('disconnect');
  await t.rejects(waiting, { message: 'the other process is gone' });
  await t.rejects(channel.ask('double', 1), { message: 'the other process is gone' });
});
