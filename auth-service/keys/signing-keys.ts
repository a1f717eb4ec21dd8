import { Problem } from '../../contracts/problem.js';
import type { Clock } from '../../kit/clock.js';
import { Live } from '../../kit/live.js';
import type { Logger } from '../../kit/logger.js';
import type { Database } from '../stores/database.js';
import { extendSigningKey, listSigningKeys } from '../stores/signing-keys.js';
import type { Envelope } from './envelope.js';
import { type ActiveKey, buildKeyRing, type KeyRing } from './key-ring.js';
import type { StoredSigningKey } from './signing-key.js';

/**
 * An instance that has not been able to ask the database for this long does not sign: another one may have revoked its
 * key. Far longer than a hiccup; nothing can be issued without the database anyway.
 */
const MAX_AGE_TO_SIGN_MS = 30_000;
/** Tokens are recorded ahead, so that the row is written once in an hour and not with each token. */
const RECORD_AHEAD_S = 3600;
const MAX_ROUNDS = 3;

/** This instance's view of the keys in the database. */
export interface SigningKeys {
  readonly ring: Live<KeyRing>;
  /**
   * The key to sign a token with that expires then (unix seconds). That it does is in the database first, so that the
   * key stays published until the last token has expired. Rejects with Problem `store_unavailable`.
   */
  signer(expiresS: number): Promise<ActiveKey>;
  /** Looks at the database again. Rejects when it does not answer; what is known stays. */
  reload(): Promise<void>;
  /** How long ago the database last said that the keys are these. */
  ageMs(): number;
}

/** Reads the keys; there has to be an active one. Throws StartupError when it cannot be opened. */
export async function openSigningKeys(deps: {
  database: Database;
  envelope: Envelope;
  clock: Clock;
  logger: Logger;
}): Promise<SigningKeys> {
  const { database, envelope, clock, logger } = deps;
  let confirmedAt = clock.monotonic();
  let stored = await database.run((db) => listSigningKeys(db));
  const ring = new Live(buildKeyRing(stored, envelope));
  let current: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  let extending: Promise<void> | undefined;

  /** Rejects with what buildKeyRing throws, too: then the keys are as good as not readable. */
  async function load(): Promise<void> {
    const askedAt = clock.monotonic();
    const now = await database.run((db) => listSigningKeys(db));
    if (fingerprint(now) !== fingerprint(stored)) {
      const fresh = buildKeyRing(now, envelope);
      if (fresh.active.kid !== ring.current.active.kid)
        logger.info({ kid: fresh.active.kid }, 'another key signs');
      ring.swap(fresh);
      stored = now;
    }
    confirmedAt = askedAt;
  }

  /** A look under way may have been too early: the caller gets the one after it, together with all who wait. */
  function reload(): Promise<void> {
    next ??= current
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        current = load();
        return current;
      });
    return next;
  }

  async function extend(expiresS: number): Promise<void> {
    const { kid } = ring.current.active;
    await database.run((db) => extendSigningKey(db, kid, expiresS + RECORD_AHEAD_S));
    await reload(); // it may have been retired in between: then another key signs
  }

  const ageMs = (): number => clock.monotonic() - confirmedAt;

  return {
    ring,
    reload,
    ageMs,
    async signer(expiresS) {
      for (let round = 0; round < MAX_ROUNDS; round++) {
        const { active } = ring.current;
        if (ageMs() > MAX_AGE_TO_SIGN_MS) await reload().catch(refuse);
        else if (active.tokensExpireS >= expiresS) return active;
        else {
          extending ??= extend(expiresS).finally(() => {
            extending = undefined;
          });
          await extending.catch(refuse);
        }
      }
      throw new Problem('store_unavailable');
    },
  };
}

function refuse(cause: unknown): never {
  throw cause instanceof Problem ? cause : new Problem('store_unavailable', { cause });
}

const fingerprint = (keys: readonly StoredSigningKey[]): string =>
  JSON.stringify(
    keys.map(({ kid, state, tokensExpireS, privateKey }) => [
      kid,
      state,
      tokensExpireS,
      privateKey?.kekVersion,
    ]),
  );
