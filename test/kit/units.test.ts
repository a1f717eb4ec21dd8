import t from 'tap';
import { durationMs, showDuration, showSize, sizeBytes } from '../../kit/units.js';

t.test('what is shown is what config would say, in its largest unit', async (t) => {
  for (const text of ['0ms', '1ms', '1500ms', '90s', '5m', '25h', '30d'])
    t.equal(showDuration(durationMs(text)), text);
  for (const text of ['0B', '1B', '1500B', '16KiB', '10MiB', '1025MiB', '2GiB'])
    t.equal(showSize(sizeBytes(text)), text);
  t.equal(showDuration(86_400_000), '1d');
  t.equal(showSize(1024 ** 2), '1MiB');
});
