/** What a reload puts in force, each with all below it. Everything else is read once, when the process starts. */
const LIVE: readonly string[] = [
  'limits',
  'internal_tls',
  'shutdown_delay',
  'drain_timeout',
  'issuers',
  'upstreams',
  'assertions',
  'auth',
  'defaults',
  'routes',
  'listen.hosts',
  'listen.public_url',
  'listen.trusted_proxies',
  'listen.tls.certificates',
  'revocation.max_staleness',
];

/**
 * Whether a difference at `path` (with dots) is put in force by a reload. `isInBoth`: the setting is there before and
 * after. The client CA is read again, wherever its file is; whether a certificate is asked for at all is not.
 */
export function takesEffectLive(path: string, isInBoth: boolean): boolean {
  if (path === 'listen.tls.client_ca') return isInBoth;
  return LIVE.some((live) => path === live || path.startsWith(`${live}.`));
}
