import { durationMs, showDuration } from '../../kit/units.js';
import type { OfflineGateway } from '../offline-explain.js';
import type { Route } from '../pipeline/route.js';
import { type EffectiveRoute, effectiveRoute } from '../routing/compile/effective-route.js';
import type { RouteConfig } from '../routing/schema.js';
import { aboutRoute, type Find, finding, type LintFinding, SEVERITIES } from './lint-finding.js';
import { lintOverlaps } from './lint-overlaps.js';

const LONG_LIFETIME_MS = 24 * 3_600_000;
const LONG_TIMEOUT_MS = 5 * 60_000;
const LARGE_BODY = 64 * 1024 ** 2;
const CHANGES = ['POST', 'PUT', 'PATCH', 'DELETE'];

/**
 * What is allowed and yet worth a second look. Only what `check` lets pass comes here: a finding is never a fault in form.
 */
export function lintConfig(gateway: OfflineGateway): LintFinding[] {
  const { config, snapshot } = gateway;
  const routes = snapshot.routes.all.flatMap((route, index) => {
    const written = config.routes[index];
    return written === undefined ? [] : lintRoute(route, written, gateway);
  });
  const order = ({ severity }: LintFinding): number => SEVERITIES.indexOf(severity);
  const all = [...lintSettings(gateway), ...routes, ...lintOverlaps(snapshot.routes)];
  return all.sort((a, b) => order(a) - order(b));
}

function lintRoute(route: Route, written: RouteConfig, { config }: OfflineGateway): LintFinding[] {
  const findings: LintFinding[] = [];
  const find: Find = (rule, message) => void findings.push(aboutRoute(rule, message, route));
  const isPublic = route.access === 'public';
  const isWildcard = route.pattern.endsWith('/*');
  const changes = route.methods.some((method) => CHANGES.includes(method));
  if (isPublic && isWildcard && changes)
    find('public-wildcard', 'anybody may change whatever is below: list the paths that are public');
  else if (isPublic) find('public-route', 'anybody may call it');
  if (isPublic && changes && route.rateLimits === undefined)
    find('public-no-rate-limit', 'anybody may call it as often as they like: set rate_limit');
  if (!isPublic && route.rules.length === 0)
    find('any-caller', 'any caller with a good token may use it: name scopes, roles or claims');
  if (!isPublic && route.reportOnly)
    find('report-only', 'nobody is refused: take report_only away when the log shows what you expect');
  if (!isPublic && route.onStale === 'allow')
    find('stale-allowed', 'revoked tokens get in while the revocations are out of reach');
  if (route.kind === 'forward') lintForward(route, config, find);
  lintCors(effectiveRoute(written, config), find);
  return findings;
}

function lintForward(
  route: Extract<Route, { kind: 'forward' }>,
  config: OfflineGateway['config'],
  find: Find,
): void {
  const isAuthService = Object.values(config.issuers).some(
    ({ own, upstream }) => own === true && upstream === route.upstream,
  );
  if (route.forwardToken && !isAuthService)
    find('token-forwarded', `${route.upstream} gets the caller's own credentials and can act with them`);
  if (route.bodyOnGet)
    find(
      'body-on-get',
      'a server on the way that ignores such a body takes it for the next request: use POST',
    );
  if (route.timeoutMs > LONG_TIMEOUT_MS)
    find('long-timeout', `an upstream may take ${showDuration(route.timeoutMs)} to begin its answer`);
  if (route.idleTimeoutMs === 0) find('no-idle-timeout', 'a silent upstream holds the request for ever');
  if (route.streamIdleTimeoutMs === 0)
    find('no-stream-idle-timeout', 'a stream whose client has vanished is held for ever');
  if (route.maxBodyBytes > LARGE_BODY) find('large-body', 'bodies of more than 64 MiB are let through');
}

/** As it holds for the route, wherever it was written: on the route, its profile or the defaults. */
function lintCors({ cors }: EffectiveRoute, find: Find): void {
  const origins = cors?.origins ?? [];
  // With credentials it is no finding but an error when the config is loaded.
  if (origins.includes('*'))
    find('wide-cors', 'pages of every origin may read the answers: list the origins');
  if (origins.some((origin) => /^http:\/\/(?!localhost|127\.)/.test(origin)))
    find('plain-origin', 'an http origin is whoever sits on the way to it: use https');
}

function lintSettings({ config, options, snapshot }: OfflineGateway): LintFinding[] {
  const findings: LintFinding[] = [];
  const about = (...path: string[]): Find => {
    const { file, line } = options.place(path);
    return (rule, message) => void findings.push(finding(rule, message, path.join('.'), `${file}:${line}`));
  };
  for (const [name, issuer] of Object.entries(config.issuers)) {
    const find = about('issuers', name);
    const lifetimeMs = durationMs(issuer.max_lifetime ?? '30d');
    if (issuer.own !== true && lifetimeMs > LONG_LIFETIME_MS) {
      const message = `tokens that live for ${showDuration(lifetimeMs)} are accepted: set max_lifetime to what the issuer gives`;
      find('long-lifetime', message);
    }
    if (issuer.insecure_http === true)
      find('insecure-http', 'its keys come over http: whoever is on the way makes tokens');
    if (durationMs(issuer.leeway ?? '30s') > 120_000)
      find('long-leeway', 'expired tokens are good for minutes: set clocks, not leeway');
  }
  for (const name of Object.keys(config.rate_limits ?? {})) {
    const used = snapshot.routes.all.some((route) =>
      route.rateLimits?.limits.some((limit) => limit.name === name),
    );
    if (!used) about('rate_limits', name)('unused-rate-limit', 'no route is held to it');
  }
  const { admin, listen } = config;
  if (admin.tls !== undefined && admin.tls.clients === undefined && (admin.token ?? '') === '') {
    const who =
      admin.tls.client_ca === config.internal_tls.ca
        ? 'every service with a certificate of the internal CA, upstreams too,'
        : 'whoever has a certificate of client_ca';
    about('admin', 'tls')(
      'admin-any-certificate',
      `${who} may change the config: name clients, or set a token`,
    );
  }
  if (listen.http2 === true && listen.tls === undefined)
    about('listen', 'http2')('http2-without-tls', 'without tls no client is offered HTTP/2');
  if (config.revocation.mode === 'off')
    about('revocation', 'mode')('revocation-off', 'nothing can be revoked before it expires');
  return findings;
}
