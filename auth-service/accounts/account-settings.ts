import { type Static, Type } from 'typebox';
import type { ConfigPath } from '../../kit/config-file.js';
import { DURATION_PATTERN, durationMs, SIZE_PATTERN, sizeBytes } from '../../kit/units.js';
import { DEFAULT_PASSWORD_COST, MAX_PASSWORD_COST, type PasswordCost } from './password-cost.js';

/** The section `accounts` of auth.yaml, resolved. */
export interface AccountSettings {
  passwordCost: PasswordCost;
  /** How long a one-time link to a new password is valid. */
  resetLinkMs: number;
  /** What people who make an account for themselves get; undefined where nobody may. */
  registration: { roles: string[]; scopes: string[] } | undefined;
}

const strict = { additionalProperties: false } as const;
const Names = Type.Array(Type.String({ minLength: 1 }));

export const AccountsSection = Type.Object(
  {
    password_hash: Type.Optional(
      Type.Object(
        {
          memory: Type.String({ pattern: SIZE_PATTERN }),
          passes: Type.Integer(),
          lanes: Type.Integer(),
        },
        strict,
      ),
    ),
    reset_link: Type.Optional(Type.String({ pattern: DURATION_PATTERN })),
    registration: Type.Optional(
      Type.Object({ enabled: Type.Boolean(), roles: Names, scopes: Names }, strict),
    ),
  },
  strict,
);

const DEFAULT_RESET_LINK = '1h';
const MINUTE_MS = 60_000;
const WEEK_MS = 7 * 24 * 60 * MINUTE_MS;

/** Resolves the section; what is wrong with it is reported by its path. */
export function accountSettings(
  section: Static<typeof AccountsSection> = {},
  report: (path: ConfigPath, message: string) => void,
): AccountSettings {
  const { password_hash: hash, registration, reset_link: resetLink = DEFAULT_RESET_LINK } = section;
  const passwordCost =
    hash === undefined
      ? DEFAULT_PASSWORD_COST
      : { memoryBytes: sizeBytes(hash.memory), passes: hash.passes, lanes: hash.lanes };
  if (!isWithin(passwordCost)) {
    report(
      ['accounts', 'password_hash'],
      'must be from 19MiB, 2 passes, 1 lane to 1GiB, 20 passes, 16 lanes',
    );
  }
  const resetLinkMs = durationMs(resetLink);
  if (resetLinkMs < MINUTE_MS || resetLinkMs > WEEK_MS) {
    report(['accounts', 'reset_link'], 'must be from 1m to 7d');
  }
  return {
    passwordCost,
    resetLinkMs,
    registration: registration?.enabled === true ? registration : undefined,
  };
}

function isWithin(cost: PasswordCost): boolean {
  const names = ['memoryBytes', 'passes', 'lanes'] as const;
  return names.every(
    (name) => cost[name] >= DEFAULT_PASSWORD_COST[name] && cost[name] <= MAX_PASSWORD_COST[name],
  );
}
