import type { Running } from './processes.js';
import type { World } from './world.js';

/** How a contender is set up for a scenario. */
export interface Variant {
  accessLog: boolean;
  tls: boolean;
}

export interface Setup {
  world: World;
  upstreamPort: number;
  /** The same upstream without mutual TLS, for who has no client certificate to show. */
  openUpstreamPort: number;
  variant: Variant;
  cpus: string;
  /** Where what is not measured runs: load, upstream, Redis. */
  loadCpus: string;
  /** Routes besides those that are asked for, for what is only asked of Gatehouse. */
  routes?: number;
}

export interface Started extends Running {
  /** Where it listens, without a path. */
  origin: string;
}

/** Somebody who does the same work, or a floor that does less. */
export interface Peer {
  name: string;
  /** What it does not do, or does in another way; for the report. */
  remark?: string;
  /** Does less than the others, to show what is left: nothing about tokens, or nothing but a call for its latency. */
  floor?: 'no auth' | 'latency';
  /** Why it takes no part where clients come over HTTP/2. */
  http1Only?: string;
  /** Undefined where it is not installed. */
  version(): string | undefined;
  start(setup: Setup): Promise<Started>;
}

export const originOf = (port: number, { tls }: Variant): string =>
  `${tls ? 'https' : 'http'}://127.0.0.1:${port}`;
