/** The accounts of the embedded default (design 4.9). They exist in no other mode. */
export const DEMO_ACCOUNTS = [
  {
    email: 'demo@gatehouse.test',
    password: 'demo-password-please-change',
    roles: ['user'],
    scopes: ['orders:read', 'orders:write', 'profile:read'],
  },
  {
    email: 'admin@gatehouse.test',
    password: 'admin-password-please-change',
    roles: ['user', 'admin'],
    scopes: ['orders:read', 'orders:write', 'profile:read'],
  },
];
