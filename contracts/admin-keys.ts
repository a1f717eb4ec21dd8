/** Bodies of the admin API under `/internal/admin/keys`. Times are ISO 8601. */

export interface AdminKey {
  kid: string;
  algorithm: string;
  state: 'next' | 'active' | 'retiring' | 'gone';
  created_at: string;
  /** For the next key: from when on it may be made the active one. */
  usable_from: string | null;
  activated_at: string | null;
  retiring_at: string | null;
  gone_at: string | null;
  /** No token that it signed expires later; null while it has signed none. */
  tokens_expire_at: string | null;
  /** Version of the key-encryption key that seals its private half; null once that is erased. */
  kek_version: number | null;
}

export interface AdminKeys {
  keys: AdminKey[];
}

export interface AdminKeysRotated {
  active: string;
  retiring: string;
  next: string;
}

/** 200 with `revoked`, or 202 with `pending` when publishing has to wait. `active` is what signs from here on. */
export type AdminKeyRevoked = { active: string } & ({ revoked: true } | { pending: true });

export interface AdminRewrapped {
  signing_keys: number;
  sessions: number;
  unreadable: number;
  /** Where the next call goes on; null at the end. */
  after: string | null;
  /** At the end: sessions that are left. */
  remaining: number | null;
}
