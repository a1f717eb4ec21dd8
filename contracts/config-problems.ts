/** What can be wrong with a config. Tools may branch on the code: it is stable, and this is the whole list. */
export interface ConfigProblemSpec {
  /** A warning leaves the config good. */
  severity: 'error' | 'warning';
  meaning: string;
  remedy: string;
}

const error = (meaning: string, remedy: string): ConfigProblemSpec => ({
  severity: 'error',
  meaning,
  remedy,
});
const warning = (meaning: string, remedy: string): ConfigProblemSpec => ({
  severity: 'warning',
  meaning,
  remedy,
});

/** `docs/config-errors.md` is generated from this. In the order in which a config is read. */
export const CONFIG_PROBLEMS = {
  config_unreadable: error(
    'a file or folder cannot be read, or the folder holds no *.yaml or *.yml',
    'check path and permissions',
  ),
  config_encoding: error('the file is not UTF-8', 'save it as UTF-8'),
  config_empty: error('the file holds nothing but comments', 'write the config, or remove the file'),
  config_tab: error('YAML takes no tab for indentation', 'use spaces'),
  config_syntax: error('the file is not YAML', 'look at the marked place, or at the line above it'),
  config_duplicate_key: error(
    'a key or a name stands twice, in one file or in two',
    'keep one of them; a folder joins only issuers, upstreams, auth, rate_limits and routes',
  ),
  config_alias: error(
    'an alias names no anchor, or aliases multiply beyond reason',
    'write the values out, or define the anchor above',
  ),
  config_env_missing: error(
    'a variable of the environment is not set, and the place gives no default',
    'set it, or give a default behind :-',
  ),
  config_secret_file: error(
    'the file behind `file:` cannot be read, or is empty',
    'check path, owner and content; the path is relative to the working directory',
  ),
  config_secret_readable: warning(
    'everybody on the machine can read the file of a secret',
    'chmod 600, or 640 for a group',
  ),

  config_unknown_key: error('nothing has this key, so it would do nothing', 'correct or remove it'),
  config_missing_key: error('something mandatory is not there', 'add it'),
  config_name: error('a name has characters that names do not have', 'use lower-case letters, digits and -'),
  config_value: error(
    'a value has the wrong type, or is none of those that are allowed',
    'as the message says',
  ),
  config_duration: error('not a duration', 'a whole number and ms, s, m, h or d, as 30s'),
  config_size: error('not a size', 'a whole number and B, KiB, MiB or GiB, as 64KiB'),

  config_dangling_name: error('a name that nothing has', 'correct it, or define what it names'),
  config_admin_address: error(
    'the admin listener has no address, half of one, or two',
    'host and port, or socket; tls goes with host and port',
  ),
  config_admin_exposed: error(
    'the admin listener would be reachable from elsewhere, with neither token nor client certificate',
    'set `admin.token` or `admin.tls`, or bind 127.0.0.1, ::1 or a `socket`',
  ),
  config_address: error('not an IP address or network', 'write 10.0.0.1 or 10.0.0.0/8'),
  config_public_url: error('`public_url` is not an origin', 'scheme, host and port, and nothing else'),
  config_origin: error('not an origin as browsers send it', 'scheme, host and port in lower case, no path'),

  config_issuer_keys: error(
    'the keys of an issuer come from nowhere, from two places, or cannot be used',
    'one of jwks_uri, discovery, jwks_file and jwks, and what belongs to it',
  ),
  config_issuer_url: error('keys would be fetched unsafely', 'https, without password and fragment'),
  config_issuer_claims: error('the claims of an issuer cannot be read that way', 'as the message says'),
  config_issuer_duplicate: error('two issuers have the same `iss`', 'join them'),
  config_revocation_mode: error('`mode: lookup` without Redis', 'set redis_url, or use mode replica'),
  config_redis_url: error('not a URL of Redis', 'redis://host:6379, rediss:// for TLS, or empty'),
  config_secret_short: error('a secret is short enough to be guessed', 'openssl rand -base64 32'),

  config_upstream_url: error('a target is not scheme, host and port alone', 'https://host:port'),
  config_upstream_targets: error(
    'an upstream has no target, one twice, or none with a weight above 0',
    'either url, or targets with weights, each once',
  ),
  config_upstream_bounds: error(
    'a bound of an upstream is none, or contradicts another',
    'durations above zero; a health check shorter than its interval',
  ),
  config_upstream_internal: error(
    'an upstream is the auth service\u2019s internal listener, which no route may reach',
    'name its public listener',
  ),
  config_link_local: error(
    'an address that clouds answer with credentials, or a link-local one',
    'name the service\u2019s own address; if it really is there, allow_link_local: true on that upstream',
  ),

  config_profile_name: error('a profile cannot be called `public`', 'choose another name'),
  config_profile_issuers: error(
    'a profile takes tokens of nobody',
    'list an issuer; for API keys the own one',
  ),
  config_credential_duplicate: error('a credential is listed twice', 'keep one'),
  config_cookie_origins: error('a cookie could be used from any page', 'list the pages under origins'),
  config_cookie_name: error('the auth service uses this cookie itself', 'choose another name'),
  config_dpop_public_url: error('DPoP proofs name a URL that is not configured', 'set listen.public_url'),
  config_certificate_ca: error('nobody is asked for a client certificate', 'set listen.tls.client_ca'),
  config_header_name: error(
    'a header with a meaning of its own, or one that stands twice',
    'choose another name',
  ),

  config_route_path: error(
    'not a path that the route table knows',
    'plain segments, :name, and * at the end',
  ),
  config_route_regexp: error(
    'a regular expression in a path; one pattern that backtracks stops the gateway for everybody',
    'plain segments, :name, and * at the end',
  ),
  config_route_reserved: error('/.well-known/gatehouse/ is the gateway\u2019s own', 'choose another path'),
  config_route_duplicate: error('two routes for the same requests', 'remove one of them'),
  config_route_ambiguous: error(
    'a request can meet the headers and query of two routes, and neither is the narrower',
    'let one of them ask for what the other asks for too, or for its absence',
  ),
  config_route_parameters: error('two routes name the parameters of one path differently', 'name them alike'),
  config_host: error('not a host name, or one that stands twice', 'api.example.com or *.example.com'),
  config_host_unserved: error(
    'a route for a host that listen.hosts does not serve',
    'add it to listen.hosts',
  ),
  config_match_header: error(
    'a header that is gone, rewritten or a credential by the time a route is looked for',
    'use hosts, a header of your own, or the query',
  ),
  config_route_destination: error(
    'a route goes nowhere, to two places, or has a setting that does nothing there',
    'one of upstream, redirect and reply, and what belongs to it',
  ),
  config_route_timeouts: error(
    'a time-out of a route makes another one pointless',
    'try_timeout below timeout, with retries; timeout not above total_timeout',
  ),
  config_rewrite: error(
    'a path cannot be made from that of the route',
    'whole first segments in strip_prefix; in templates the parameters of the path',
  ),
  config_redirect: error(
    'a redirect whose target is not fixed',
    'https://host/path or /path; parameters in the path only',
  ),
  config_reply: error('a fixed reply that cannot be sent', 'as the message says'),
  config_cors: error(
    'CORS that would let any page act as the user, or that a preflight could not tell',
    'list the pages under origins; give routes that differ in headers alone the same cors',
  ),
  config_header_rule: error(
    'a header that routes cannot set or remove, or that stands twice',
    'leave it to the gateway; for access-control-* use cors',
  ),
  config_rate_limit: error(
    'a rate limit that nobody could keep to, or that counts nothing',
    'as the message says',
  ),
  config_rate_limit_redis: error(
    'a rate limit that gateways share, without a place where',
    'set revocation.redis_url, or leave `shared` out',
  ),
  config_rule_param: error('a rule names a path parameter that the path does not have', 'correct the name'),

  config_certificate_file: error('a PEM file cannot be read or is of another kind', 'check path and content'),
  config_certificate_key: error('certificate and key are not a pair', 'point cert and key at one pair'),
  config_certificate_expired: error('a certificate has expired, or is not valid yet', 'renew it'),
  config_online_keys: error(
    'with --online: an issuer gives no usable keys',
    'as the message says; the gateway would go on with the last good ones',
  ),
  config_online_redis: error('with --online: Redis does not answer', 'check address, password and network'),
  config_online_upstream: error(
    'with --online: no mTLS connection to a target',
    'check address and network, the SPIFFE id there, and internal_tls here',
  ),
  config_certificate_expiring: warning('a certificate expires within 14 days', 'renew it'),

  config_needs_restart: error(
    'a reload cannot change this while the gateway runs, and changes nothing by half',
    'restart the gateway, or put it back',
  ),
  config_version_unknown: error(
    'a rollback names a version that is not kept',
    'gatehouse config history lists those that are',
  ),
  config_internal_error: error('the gateway failed to read the config', 'its log says why; please report it'),
} as const satisfies Record<string, ConfigProblemSpec>;

export type ConfigCode = keyof typeof CONFIG_PROBLEMS;

export const configProblemSpec = (code: ConfigCode): ConfigProblemSpec => CONFIG_PROBLEMS[code];
