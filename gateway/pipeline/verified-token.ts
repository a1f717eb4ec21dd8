import type { JsonObject } from './strict-json.js';

/** What a verified token says, independent of its issuer's own spelling. */
export interface VerifiedToken {
  issuer: string;
  subject: string;
  /** Unix seconds. */
  expiresAt: number;
  /** Unix seconds; absent when a foreign issuer leaves it out. */
  issuedAt: number | undefined;
  client: string | undefined;
  session: string | undefined;
  tokenId: string | undefined;
  /** Token version of the account; read from our own issuer only. */
  version: number | undefined;
  keyId: string;
  scopes: readonly string[];
  roles: readonly string[];
  /** The payload itself, for rules about claims that only the config knows. Nobody changes it. */
  claims: JsonObject;
}
