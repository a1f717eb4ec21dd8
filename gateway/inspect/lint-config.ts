import { durationMs } from '../../kit/units.js';
import type { OfflineGateway } from '../offline-explain.js';
import type { Route } from '../pipeline/route.js';
import { type EffectiveRoute, effectiveRoute } from '../routing/compile/effective-route.js';
import type { RouteConfig } from '../routing/schema.js';
import { duration } from './effective-config.js';

export const SEVERITIES = ['error', 'warning', 'note'] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface LintFinding {
  /** Stable, for the ignore list. */
  rule: string;
  severity: Severity;
  /** A route's id, or the place of a setting. */
  where: string;
  message: string;
  /** `file:line` of a route. */
  source: string | null;
}

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
  const order = (finding: LintFinding): number => SEVERITIES.indexOf(finding.severity);
  return [...lintSettings(gateway), ...routes].sort((a, b) => order(a) - order(b));
}

function lintRoute(route: Route, written: RouteConfig, { config }: OfflineGateway): LintFinding[] {
  const findings: LintFinding[] = [];
  const find = (rule: string, severity: Severity, message: string): void => {
    findings.push({ rule, severity, where: route.id, message, source: route.source });
  };
  const isPublic = route.access === 'public';
  const isWildcard = route.pattern.endsWith('/*');
  const changes = route.methods.some((method) => CHANGES.includes(method));
  if (isPublic && isWildcard && changes)
    find(
      'public-wildcard',
      'warning',
      'anybody may change whatever is below: list the paths that are public',
    );
  else if (isPublic) find('public-route', 'note', 'anybody may call it');
  if (isPublic && changes && route.rateLimits === undefined)
    find('public-no-rate-limit', 'warning', 'anybody may call it as often as they like: set rate_limit');
  if (!isPublic && route.rules.length === 0)
    find('any-caller', 'note', 'any caller with a good token may use it: name scopes, roles or claims');
  if (!isPublic && route.reportOnly)
    find(
      'report-only',
      'error',
      'nobody is refused: take report_only away when the log shows what you expect',
    );
  if (!isPublic && route.onStale === 'allow')
    find('stale-allowed', 'warning', 'revoked tokens get in while the revocations are out of reach');
  if (route.kind === 'forward') lintForward(route, config, find);
  lintCors(effectiveRoute(written, config), find);
  return findings;
}

function lintForward(
  route: Extract<Route, { kind: 'forward' }>,
  config: OfflineGateway['config'],
  find: (rule: string, severity: Severity, message: string) => void,
): void {
  const isAuthService = Object.values(config.issuers).some(
    ({ own, upstream }) => own === true && upstream === route.upstream,
  );
  if (route.forwardToken && !isAuthService)
    find(
      'token-forwarded',
      'warning',
      `${route.upstream} gets the caller's own credentials and can act with them`,
    );
  if (route.timeoutMs > LONG_TIMEOUT_MS)
    find('long-timeout', 'note', `an upstream may take ${duration(route.timeoutMs)} to begin its answer`);
  if (route.idleTimeoutMs === 0)
    find('no-idle-timeout', 'warning', 'a silent upstream holds the request for ever');
  if (route.maxBodyBytes > LARGE_BODY)
    find('large-body', 'note', 'bodies of more than 64 MiB are let through');
}

/** As it holds for the route, wherever it was written: on the route, its profile or the defaults. */
function lintCors(
  { cors }: EffectiveRoute,
  find: (rule: string, severity: Severity, message: string) => void,
): void {
  const origins = cors?.origins ?? [];
  // With credentials it is no finding but an error when the config is loaded.
  if (origins.includes('*'))
    find('wide-cors', 'warning', 'pages of every origin may read the answers: list the origins');
  if (origins.some((origin) => /^http:\/\/(?!localhost|127\.)/.test(origin)))
    find('plain-origin', 'warning', 'an http origin is whoever sits on the way to it: use https');
}

function lintSettings({ config, snapshot }: OfflineGateway): LintFinding[] {
  const findings: LintFinding[] = [];
  const find = (rule: string, severity: Severity, where: string, message: string): void => {
    findings.push({ rule, severity, where, message, source: null });
  };
  for (const [name, issuer] of Object.entries(config.issuers)) {
    const lifetimeMs = durationMs(issuer.max_lifetime ?? '30d');
    if (issuer.own !== true && lifetimeMs > LONG_LIFETIME_MS) {
      const message = `tokens that live for ${duration(lifetimeMs)} are accepted: set max_lifetime to what the issuer gives`;
      find('long-lifetime', 'warning', `issuers.${name}`, message);
    }
    if (issuer.insecure_http === true)
      find(
        'insecure-http',
        'error',
        `issuers.${name}`,
        'its keys come over http: whoever is on the way makes tokens',
      );
    if (durationMs(issuer.leeway ?? '30s') > 120_000)
      find(
        'long-leeway',
        'warning',
        `issuers.${name}`,
        'expired tokens are good for minutes: set clocks, not leeway',
      );
  }
  for (const name of Object.keys(config.rate_limits ?? {})) {
    const used = snapshot.routes.all.some((route) =>
      route.rateLimits?.limits.some((limit) => limit.name === name),
    );
    if (!used) find('unused-rate-limit', 'note', `rate_limits.${name}`, 'no route is held to it');
  }
  if (config.revocation.mode === 'off')
    find('revocation-off', 'error', 'revocation.mode', 'nothing can be revoked before it expires');
  return findings;
}
