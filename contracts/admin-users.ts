/** Bodies of the auth service's admin API for accounts (`/internal/admin/users`), an operator's alone. */

export interface AdminUser {
  /** `sub` */
  id: string;
  email: string;
  status: 'active' | 'disabled';
  roles: string[];
  scopes: string[];
  /** RFC 3339. */
  created_at: string;
}

/** Without `password` the answer holds a one-time link. Default roles: `user`. */
export interface AdminUserRequest {
  email: string;
  password?: string;
  roles?: string[];
  scopes?: string[];
}

/** What is left out stays as it is. */
export interface AdminAccessRequest {
  roles?: string[];
  scopes?: string[];
}

/** The token of a one-time link, shown once: for `POST /auth/password/reset`. */
export interface AdminResetLink {
  token: string;
  /** RFC 3339. */
  expires_at: string;
}

export interface AdminUserCreated {
  user: AdminUser;
  reset?: AdminResetLink;
}

/** In order of addresses. `next` goes into `?after=` for the next page. */
export interface AdminUserList {
  users: AdminUser[];
  next: string | null;
}
