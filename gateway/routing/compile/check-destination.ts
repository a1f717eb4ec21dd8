import type { ConfigFile, ConfigPath, ConfigProblem } from '../../../kit/config-file.js';
import { sizeBytes } from '../../../kit/units.js';
import type { GatewayConfig, RouteConfig } from '../schema.js';
import { checkName } from './check-name.js';
import { checkSegments, checkTemplate } from './check-pattern.js';
import { replyBody } from './destinations.js';
import { splitTarget } from './path-templates.js';

type Config = ConfigFile<GatewayConfig>;

/** Where a request goes, and what is said about the way there. */
export function checkDestination(config: Config, at: ConfigPath, route: RouteConfig): ConfigProblem[] {
  return [
    ...checkKind(config, at, route),
    ...(route.upstream === undefined
      ? []
      : checkName(config, [...at, 'upstream'], route.upstream, config.value.upstreams, 'upstream')),
    ...checkMirror(config, [...at, 'mirror', 'upstream'], route),
    ...checkPrefix(config, [...at, 'strip_prefix'], route),
    ...(route.rewrite === undefined
      ? []
      : checkTemplate(config, [...at, 'rewrite'], route.rewrite, route.path)),
    ...checkRedirect(config, [...at, 'redirect', 'to'], route),
    ...checkReply(config, [...at, 'reply'], route),
  ];
}

const KINDS = ['upstream', 'redirect', 'reply'] as const;
const FOR_UPSTREAMS = [
  'mirror',
  'strip_prefix',
  'rewrite',
  'forward_token',
  'forward_certificate',
  'identity_headers',
  'max_body',
  'body_on_get',
  'timeout',
  'try_timeout',
  'retries',
  'total_timeout',
  'idle_timeout',
  'stream_idle_timeout',
  'request_headers',
] as const;

function checkKind(config: Config, at: ConfigPath, route: RouteConfig): ConfigProblem[] {
  const [kind, ...others] = KINDS.filter((each) => route[each] !== undefined);
  if (kind === undefined) {
    const message = 'the route goes nowhere: give it an upstream, a redirect or a reply';
    return [config.problem([...at, 'path'], 'config_route_destination', message)];
  }
  const surplus = [
    ...others,
    ...(kind === 'upstream' ? [] : FOR_UPSTREAMS.filter((key) => route[key] !== undefined)),
  ];
  return surplus.map((key) => {
    const message = `a route with ${kind} has no use for ${key}: remove one of them`;
    return config.problem([...at, key], 'config_route_destination', message);
  });
}

function checkMirror(config: Config, at: ConfigPath, { mirror, upstream }: RouteConfig): ConfigProblem[] {
  if (mirror === undefined) return [];
  if (mirror.upstream !== upstream)
    return checkName(config, at, mirror.upstream, config.value.upstreams, 'upstream');
  const message = `${upstream} would get each request twice: a mirror is another upstream`;
  return [config.problem(at, 'config_route_destination', message)];
}

function checkPrefix(config: Config, at: ConfigPath, route: RouteConfig): ConfigProblem[] {
  const { strip_prefix: prefix, rewrite, path } = route;
  if (prefix === undefined) return [];
  if (rewrite !== undefined) {
    const message = 'rewrite says the whole path: remove strip_prefix';
    return [config.problem(at, 'config_rewrite', message)];
  }
  const invalid = checkSegments(config, at, prefix);
  if (invalid.length > 0) return invalid;
  const isFixed = !/[:*]/.test(prefix) && prefix.length > 1 && !prefix.endsWith('/');
  if (isFixed && (path === prefix || path.startsWith(`${prefix}/`))) return [];
  const message = `${prefix} has to be whole first segments of ${path}, without :parameters, * or a final slash`;
  return [config.problem(at, 'config_rewrite', message)];
}

function checkRedirect(config: Config, at: ConfigPath, { redirect, path }: RouteConfig): ConfigProblem[] {
  if (redirect === undefined) return [];
  const problem = (message: string) => [config.problem(at, 'config_redirect', message)];
  const { origin, template, suffix = '' } = splitTarget(redirect.to);
  if (redirect.to.includes('#')) return problem('a redirect has no fragment: remove it from # on');
  if (origin !== '' && (!URL.canParse(origin) || new URL(origin).origin !== origin)) {
    const written = URL.canParse(origin) && !origin.includes('@') ? `: write ${new URL(origin).origin}` : '';
    return problem(`the host of a redirect is fixed text, as https://www.example.com${written}`);
  }
  if (/[:*]/.test(suffix)) return problem('parameters can stand in the path of a redirect, not in its query');
  return checkTemplate(config, at, template, path);
}

const MAX_REPLY = '64KiB';

function checkReply(config: Config, at: ConfigPath, { reply }: RouteConfig): ConfigProblem[] {
  if (reply === undefined) return [];
  const body = replyBody(reply.body);
  if (Buffer.byteLength(body) > sizeBytes(MAX_REPLY)) {
    const message = `a reply has ${MAX_REPLY} at most: let an upstream answer`;
    return [config.problem([...at, 'body'], 'config_reply', message)];
  }
  if (body !== '' && [204, 205, 304].includes(reply.status ?? 200)) {
    const message = `a ${reply.status} has no body (RFC 9110 section 15): remove it`;
    return [config.problem([...at, 'body'], 'config_reply', message)];
  }
  return [];
}
