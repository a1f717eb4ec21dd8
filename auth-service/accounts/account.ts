export interface Account {
  /** `sub` */
  id: string;
  passwordHash: string;
  status: 'active' | 'disabled';
  roles: string[];
  scopes: string[];
  /** `ver` */
  tokenVersion: number;
}

export interface NewAccount {
  id: string;
  /** Normalised. */
  email: string;
  passwordHash: string;
  roles: string[];
  scopes: string[];
}
