import type { Clock } from '../../kit/clock.js';
import type { Logger } from '../../kit/logger.js';
import type { Envelope } from '../keys/envelope.js';
import type { SessionConfig } from '../options.js';
import type { Database } from '../stores/database.js';
import type { IssueAccessToken } from './access-token.js';

/** What starting and refreshing a session need. */
export interface SessionParts {
  database: Database;
  envelope: Envelope;
  clock: Clock;
  random: (size: number) => Buffer;
  logger: Logger;
  issueAccessToken: IssueAccessToken;
  accessTtlMs: number;
  settings: SessionConfig;
}

/** `exp` of an access token that is issued now: whole seconds, as a JWT has them. */
export function accessExpiry(nowMs: number, accessTtlMs: number): number {
  return Math.floor((nowMs + accessTtlMs) / 1000);
}
