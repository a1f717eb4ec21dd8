import type { ConfigReload, ReadinessReport } from '../contracts/admin-api.js';
import type { RevocationFeed } from '../contracts/revocation.js';
import type { Clock } from '../kit/clock.js';
import type { Logger } from '../kit/logger.js';

export interface GatewayDeps {
  clock?: Clock;
  logger?: Logger;
  /** The auth service's feed when it runs in the same process; else Redis or its internal listener. */
  feed?: RevocationFeed;
  /** Which requests are mirrored. Default: `Math.random`. */
  random?: () => number;
}

export interface Gateway {
  /** `http://host:port` as bound. */
  url: string;
  /** `http://host:port`, `https://host:port`, or `unix:` and a path. */
  adminUrl: string;
  readiness(): ReadinessReport;
  /** Resolves when ready; rejects after `timeoutMs`. */
  whenReady(timeoutMs: number): Promise<void>;
  /** Reads the config again. Never rejects: what is wrong stands in the report. */
  reload(trigger: 'signal' | 'admin'): Promise<ConfigReload>;
  stop(): Promise<void>;
}
