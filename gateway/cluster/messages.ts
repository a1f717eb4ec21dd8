import type { JsonWebKey } from 'node:crypto';
import type { ReadinessReport } from '../../contracts/admin-api.js';
import type { ExplainRequest, Explanation } from '../../contracts/admin-explain.js';
import type { ConfigProblem, ConfigText } from '../../kit/config-file.js';
import type { MetricFamily } from '../adapters/metrics.js';
import type { ToldCell } from '../adapters/shared-limits.js';

/** What the primary asks of a worker. */
export type ToWorker = {
  /** The first; builds everything. */
  start: { body: StartOrder; answer: null };
  /** Opens the public listener; answers with its URL. */
  listen: { body: ListenOrder; answer: string };
  /** Makes a config ready, and changes nothing yet. Answers with what is wrong. */
  prepare: { body: SharedConfig; answer: ConfigProblem[] };
  /** Puts the prepared one in force. */
  commit: { body: null; answer: null };
  /** In place of it. */
  discard: { body: null; answer: null };
  keys: { body: SharedKeys; answer: null };
  /** A sign of life. */
  alive: { body: null; answer: null };
  readiness: { body: null; answer: WorkerReadiness };
  metrics: { body: null; answer: MetricFamily[] };
  explain: { body: ExplainRequest; answer: Explanation };
  /** Drains, and answers with the last metrics. */
  stop: { body: null; answer: MetricFamily[] };
  /** The last. */
  exit: { body: null; answer: null };
};

/** What a worker asks of the primary. */
export type ToPrimary = {
  /** A key id that the worker does not know. */
  missingKey: { body: { id: string; kid: string }; answer: MissingKeyAnswer };
  /** By the revocation feed; `expS` in unix seconds. */
  keyRevoked: { body: { id: string; kid: string; expS: number }; answer: null };
  /** Answers with what each cell owes, in milliseconds. */
  limits: { body: readonly ToldCell[]; answer: number[] };
};

export interface StartOrder {
  /** From 1 up: the place that it has among the others. */
  worker: number;
  /** How many there are. */
  workers: number;
  config: SharedConfig;
  assertionSecret: Uint8Array;
}

export interface ListenOrder {
  /** Not before it is ready: others serve meanwhile. */
  whenReady: boolean;
  /** Then it fails; null: it waits. */
  withinMs: number | null;
}

/** A version of the config as the primary has read it, and the keys that go with it. */
export interface SharedConfig {
  file: string;
  texts: readonly ConfigText[];
  keys: readonly SharedKeys[];
}

/** The last good keys of one issuer. */
export interface SharedKeys {
  /** Of `keySetId`. */
  id: string;
  /** Public keys, with `kid` and `alg`. */
  keys: readonly JsonWebKey[];
  /** Since the issuer gave them. */
  ageMs: number;
}

export interface MissingKeyAnswer {
  /** Of a key that has not been sent meanwhile. */
  state: 'absent' | 'unanswered';
  /** Before that, asking again is no use. */
  againInMs: number;
}

export type WorkerReadiness = Omit<ReadinessReport, 'config' | 'workers'>;
