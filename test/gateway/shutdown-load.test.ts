import t from 'tap';
import { shutDownUnderLoad } from '../fixtures/shutdown-under-load.js';

// For seconds, with more of everything: test/long/shutdown-load.test.ts.
t.test('SIGTERM under load fails no request, ends every stream in due form, and exits with 0', async (t) => {
  const figures = await shutDownUnderLoad(t, {
    ...{ clients: 4, streams: 2, loadMs: 200 },
    ...{ downloadMs: 1000, delayMs: 600, drainMs: 5000, lookEveryMs: 200 },
  });
  t.strictSame(figures.failures, []);
  t.ok(figures.served.before > 0 && figures.served.after > 0, JSON.stringify(figures.served));
  t.ok(figures.toldToClose > 0, 'those that came back were told not to');
  t.strictSame(figures.eventStreams, ['ended after an event', 'ended after an event']);
  t.strictSame(figures.webSockets, ['1001 the gateway is stopping', '1001 the gateway is stopping']);
  t.strictSame(figures.downloads, ['whole', 'whole']);
  t.equal(figures.exit, 'exit code 0');
});
