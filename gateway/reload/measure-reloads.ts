import type { Metrics } from '../adapters/metrics.js';
import type { ConfigReloader } from './config-reloader.js';

/** Names as Prometheus has them for its own config. */
export function measureReloads(metrics: Metrics, reloader: ConfigReloader): void {
  const one = (value: number) => [{ value }];
  metrics.add(
    {
      name: 'gatehouse_config_last_reload_successful',
      help: '0 while the last attempt to change the config was refused.',
      type: 'gauge',
    },
    () => one(reloader.state.last_reload.result === 'refused' ? 0 : 1),
  );
  metrics.add(
    {
      name: 'gatehouse_config_last_reload_success_timestamp_seconds',
      help: 'When an attempt last was not refused; at first the start.',
      type: 'gauge',
    },
    () => one(reloader.lastGoodAt / 1000),
  );
  metrics.add(
    {
      name: 'gatehouse_config_differs_from_file',
      help: '1 while the config in force is not the one on disk: refused, or rolled back from.',
      type: 'gauge',
    },
    () => one(reloader.state.differs_from_file ? 1 : 0),
  );
  metrics.add(
    {
      name: 'gatehouse_config_reloads_total',
      help: 'Attempts to change the config, by result.',
      type: 'counter',
    },
    () => Object.entries(reloader.counts).map(([result, value]) => ({ labels: { result }, value })),
  );
}
