/** A key for simple integrations: exchanged by the gateway for short tokens of its service (design 4.11). */
export interface ApiKey {
  /** In the key's text, and `sid` of its tokens. */
  id: string;
  secretHash: Buffer;
  /** For people. */
  name: string;
  /** `sub` of its tokens is `svc:` and this. */
  service: string;
  scopes: readonly string[];
  createdAtMs: number;
  expiresAtMs: number | undefined;
  /** To a few minutes. */
  lastUsedAtMs: number | undefined;
  revokedAtMs: number | undefined;
  /** The key that was made to take over. */
  replacedBy: string | undefined;
}

export function isLive({ revokedAtMs, expiresAtMs }: ApiKey, nowMs: number): boolean {
  return revokedAtMs === undefined && (expiresAtMs === undefined || nowMs < expiresAtMs);
}
