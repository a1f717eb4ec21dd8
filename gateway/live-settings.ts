/** What a reload puts in force, each with all below it. Everything else is read once, when the process starts. */
const LIVE: readonly string[] = [
  'admin.token',
  'admin.hosts',
  'admin.tls.clients',
  'limits',
  'overload',
  'internal_tls',
  'shutdown_delay',
  'drain_timeout',
  'issuers',
  'upstreams',
  'assertions',
  'auth',
  'rate_limits',
  'defaults',
  'routes',
  'listen.hosts',
  'listen.public_url',
  'listen.trusted_proxies',
  'listen.tls.certificates',
  'revocation.max_staleness',
];

const IF_IN_BOTH = new Set([
  'listen.tls.client_ca',
  'admin.tls.cert',
  'admin.tls.key',
  'admin.tls.client_ca',
]);

/**
 * Whether a difference at `path` (with dots) is put in force by a reload. `isInBoth`: the setting is there before and
 * after. CAs and the admin listener's certificate are read again, wherever their files are; whether there is TLS, or a
 * certificate is asked for, is not.
 */
export function takesEffectLive(path: string, isInBoth: boolean): boolean {
  if (IF_IN_BOTH.has(path)) return isInBoth;
  return LIVE.some((live) => path === live || path.startsWith(`${live}.`));
}
