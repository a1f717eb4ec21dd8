export interface Account {
  /** `sub` */
  id: string;
  /** Normalised. */
  email: string;
  passwordHash: string;
  /** Raised by each new password, not by another hash of the same one. */
  passwordVersion: number;
  status: 'active' | 'disabled';
  roles: string[];
  scopes: string[];
  /** `ver` */
  tokenVersion: number;
  createdAtMs: number;
}

export interface NewAccount {
  id: string;
  /** Normalised. */
  email: string;
  passwordHash: string;
  roles: string[];
  scopes: string[];
}
