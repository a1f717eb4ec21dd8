import type { Worker } from 'node:cluster';
import { EventEmitter } from 'node:events';
import t from 'tap';
import type { Message } from '../../../gateway/cluster/channel.js';
import { WorkerProcess } from '../../../gateway/cluster/worker-process.js';

/** A process that listens at once, answers by `answer`, and ends when it is killed or told to exit. */
function processOf(answer: (kind: string) => unknown) {
  const asked: string[] = [];
  const worker = new EventEmitter();
  const child = Object.assign(new EventEmitter(), {
    pid: 7,
    send(message: Message, sent: (error: Error | null) => void) {
      sent(null);
      if (!('ask' in message)) return;
      asked.push(message.kind);
      const body = answer(message.kind);
      if (body !== undefined) child.emit('message', { answer: message.ask, body });
      if (message.kind === 'exit') worker.emit('exit', 0, null);
    },
    kill(signal: string) {
      if (asked.includes(signal)) return;
      asked.push(signal);
      child.emit('disconnect');
      worker.emit('exit', null, signal);
    },
  });
  const made = Object.assign(worker, { process: child }) as unknown as Worker;
  const handlers = { missingKey: unused, keyRevoked: unused, limits: unused };
  const running = new WorkerProcess(1, made, { file: '', texts: [], keys: [] }, handlers);
  child.emit('message', { hello: true });
  return { running, worker, asked };
}

const unused = (): never => {
  throw new Error('nobody asks');
};

t.test('one that leaves is drained, gives its last metrics and is told to exit', async (t) => {
  const counted = [{ name: 'gatehouse_x', help: '', type: 'counter', values: [] }];
  const { running, asked } = processOf((kind) => (kind === 'stop' ? counted : null));
  await running.leave(1_000_000);
  t.strictSame(asked, ['stop', 'exit']);
  t.strictSame(running.metrics, counted);
  t.equal(await running.ended, 'exit code 0');
  t.ok(running.hasEnded);
});

t.test('one that does not come to an end is killed', async (t) => {
  const { running, asked } = processOf(() => undefined);
  await running.leave(1);
  t.strictSame(asked, ['stop', 'SIGKILL']);
  t.equal(await running.ended, 'signal SIGKILL');
});

t.test(
  'one that could not be started has ended, and one that cannot be sent anything is killed',
  async (t) => {
    const { running, worker, asked } = processOf(() => undefined);
    worker.emit('error', new Error('EPIPE'));
    t.strictSame(asked, ['SIGKILL']);
    t.equal(await running.ended, 'signal SIGKILL');
    const never = processOf(() => undefined);
    Object.assign(never.worker, { process: { pid: undefined } });
    never.worker.emit('error', new Error('spawn ENOMEM'));
    t.equal(await never.running.ended, 'spawn ENOMEM');
    t.strictSame(never.asked, []);
  },
);
