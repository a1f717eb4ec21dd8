/** What the example app makes of a stream of events. */
import t from 'tap';
import { eventsOf } from '../../examples/web/src/event-stream.js';

async function read(...chunks: (string | Uint8Array)[]) {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks)
        controller.enqueue(typeof chunk === 'string' ? encoder.encode(chunk) : chunk);
      controller.close();
    },
  });
  const events = [];
  for await (const event of eventsOf(body)) events.push(event);
  return events;
}

t.test('events, whatever the chunks they come in', async (t) => {
  const text =
    'retry: 1000\n\nid: 1\ndata: {"a":1}\n\n: heartbeat\n\nid: 2\r\ndata: one\r\ndata: two\r\n\r\n';
  const events = [
    { id: '1', data: '{"a":1}' },
    { id: '2', data: 'one\ntwo' },
  ];
  t.strictSame(await read(text), events);
  t.strictSame(await read(...text), events, 'a character at a time');
});

t.test('an event without an id keeps the one before; half an event is none', async (t) => {
  t.strictSame(await read('id: 7\ndata: a\n\ndata: b\n\ndata: c\n'), [
    { id: '7', data: 'a' },
    { id: '7', data: 'b' },
  ]);
});

t.test('a character that is cut in two is whole again', async (t) => {
  const bytes = new TextEncoder().encode('data: grüß\n\n');
  t.strictSame(await read(bytes.slice(0, 9), bytes.slice(9)), [{ id: '', data: 'grüß' }]);
});
