import type { ConfigCode } from './config-problems.js';

/** What the gateway's admin listener answers, as its own tools read it. */

/** `GET /jwks`: the key sets that a gateway holds. Public facts only. */
export interface KeySetReport {
  issuers: KeySetStatus[];
}

export interface KeySetStatus {
  /** Of the issuer in config. */
  name: string;
  /** Its `iss`. */
  issuer: string;
  /** Where its keys come from: a URL, a path, or `inline`. */
  source: string;
  /** Whether its tokens can be verified at the moment. */
  available: boolean;
  keys: { kid: string; alg: string }[];
  /** Key ids that the revocation feed has withdrawn. */
  revoked: string[];
  /** Members of the last good set that are not used, and why not. */
  ignored: { kid: string | null; reason: string }[];
  /** Since its last good answer, over restarts; null when there was none. */
  age_ms: number | null;
  /** The age past which the keys no longer serve. */
  max_staleness_ms: number;
  /** Until the next fetch; null while one is under way. */
  next_refresh_ms: number | null;
  /** Failed fetches since the last good answer. */
  failures: number;
  /** Why the last fetch failed; null when it did not. */
  last_failure: string | null;
}

/** `GET /ready`: 200 when `ready`, else 503. */
export interface ReadinessReport {
  ready: boolean;
  /** It still serves, and is about to stop. */
  shutting_down: boolean;
  config: ConfigState;
  /** By name in config. */
  issuers: Record<string, IssuerReadiness>;
  revocations: {
    /** Everything that is revoked has been heard of. */
    synced: boolean;
    /** Older than `max_staleness`: routes do as their `on_stale` says. */
    stale: boolean;
    entries: number;
    /** Since the feed last answered; null when it never has. */
    age_ms: number | null;
  };
  /**
   * By name in config. Never a reason not to be ready: what one upstream has lost no other gateway has either, and all of
   * them would go at once.
   */
  upstreams: Record<string, UpstreamReadiness>;
  /** Never a reason not to be ready. */
  rate_limits: RateLimitReadiness;
  certificates: CertificateReadiness[];
  /** Where the gateway is several processes. */
  workers?: WorkerState[];
}

export interface WorkerState {
  /** From 1 up; one that takes another's place has its number. */
  number: number;
  pid: number;
  /** `starting` until it accepts connections, `leaving` while it drains. */
  state: 'starting' | 'serving' | 'leaving';
  /** Of one that serves: it has what it needs. */
  ready: boolean;
}

export interface RateLimitReadiness {
  /**
   * Of limits that gateways share. `unused`: there is none; `shared`: they count together; `alone`: Redis does not answer,
   * and each gateway counts by itself.
   */
  state: 'unused' | 'shared' | 'alone';
}

export interface UpstreamReadiness {
  /** Those with a weight, each address of a host name. */
  targets: number;
  /** Neither left out nor on trial. When it is 0, all of them are tried. */
  available: number;
  /** Null where it has no circuit breaker. */
  circuit: 'closed' | 'open' | 'half_open' | null;
}

export interface IssuerReadiness {
  state: 'ready' | 'no keys';
  keys: number;
  /** Since its last good answer, over restarts; null when there was none. */
  age_ms: number | null;
}

export interface CertificateReadiness {
  /**
   * `listener` what clients are shown, `internal` what upstreams are shown, `admin` what callers of the admin listener
   * are shown; `…_ca` whom each side is verified by.
   */
  use: 'listener' | 'listener_ca' | 'internal' | 'internal_ca' | 'admin' | 'admin_ca';
  file: string;
  /** Negative once it has ended. */
  days_left: number;
}

/** `GET /version`. */
export interface VersionReport {
  version: string;
  /** Null when it is not known. */
  commit: string | null;
  node: string;
  config: string;
}

/** What is in force, and how the last attempt to change it went. Part of `GET /ready`. */
export interface ConfigState {
  /** Short hash of the config in force. */
  version: string;
  /** `rollback`: an earlier version, until the file changes again or the gateway restarts. */
  origin: 'file' | 'rollback';
  /** ISO 8601. */
  in_force_since: string;
  /** The file or folder that is watched. */
  file: string;
  /** What is on disk is not what is in force: it was refused, or rolled back from. */
  differs_from_file: boolean;
  last_reload: ConfigReload;
}

/** One attempt to put a config in force. Answer of `POST /config/reload` and `POST /config/rollback`: 200, or 422. */
export interface ConfigReload {
  result: 'applied' | 'unchanged' | 'refused';
  trigger: 'start' | 'file' | 'signal' | 'admin' | 'rollback';
  /** ISO 8601. */
  at: string;
  /** In force afterwards. */
  version: string;
  /** In force before. */
  previous: string;
  /** All reasons for a refusal. */
  problems: ConfigReloadProblem[];
  /** Of what is in force, where nothing was refused: what ought to be put right and did not stand in the way. */
  warnings: ConfigReloadProblem[];
  /** Issuers that have not given their keys yet: their tokens get 503 until they do. */
  issuers_without_keys: string[];
}

export interface ConfigReloadProblem {
  /** Absent where no place in the config is at fault. */
  file?: string;
  line?: number;
  column?: number;
  code: ConfigCode;
  message: string;
  /** The line with its neighbours and a mark, secrets blotted out. */
  frame?: string;
}

/** `GET /config/history`: the last good configs, the newest first. */
export interface ConfigHistoryReport {
  in_force: ConfigState;
  versions: { version: string; at: string; files: string[]; in_force: boolean }[];
}
