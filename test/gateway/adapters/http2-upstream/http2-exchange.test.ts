import { EventEmitter, once } from 'node:events';
import { PassThrough } from 'node:stream';
import t from 'tap';
import type { Http2Connection } from '../../../../gateway/adapters/http2-upstream/http2-connection.js';
import { Http2Exchange } from '../../../../gateway/adapters/http2-upstream/http2-exchange.js';

t.test('bytes that Node hands out before the head that came with them are told of after it', async (t) => {
  const told: string[] = [];
  const over = new EventEmitter();
  const exchange = new Http2Exchange(
    { path: '/', method: 'GET', body: null },
    {
      onConnect: () => undefined,
      onHeaders: (status) => told.push(String(status)) > 0,
      onData: (chunk) => told.push(String(chunk)) > 0,
      onComplete: () => over.emit('over', told.push('end')),
      onError: t.error,
    },
    { authority: 'a.test', sendAgain: () => undefined },
  );
  const stream = new PassThrough();
  exchange.sendOn({ request: () => stream } as unknown as Http2Connection);
  await once(stream, 'resume');
  // As Node does with both in one read, when it reads while JavaScript runs.
  process.nextTick(() => stream.emit('response', { ':status': 200 }, 0, [':status', '200']));
  const end = once(over, 'over');
  stream.push('first ');
  stream.push('second');
  stream.push(null);
  await end;
  t.strictSame(told, ['200', 'first ', 'second', 'end']);
});
