import { originOf, type Peer } from '../peer.js';
import { versionOf } from '../processes.js';

/** No gateway: the upstream itself over TLS, without a client certificate, since h2load can show none. */
export const direct = (openPort: number): Peer => ({
  name: 'direct call',
  remark: 'floor for latency: the upstream itself, over TLS',
  floor: 'latency',
  version: () => versionOf('nginx', ['-v']),
  start: async () => ({
    origin: originOf(openPort, { accessLog: false, tls: true }),
    cpuSeconds: () => Number.NaN,
    residentBytes: () => Number.NaN,
    lastWords: () => '',
    stop: async () => undefined,
  }),
});
