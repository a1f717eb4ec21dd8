import { durationMs, sizeBytes } from '../../../kit/units.js';
import type { Destination, ForwardTo, OwnAnswer } from '../../pipeline/route.js';
import type { GatewayConfig } from '../schema.js';
import type { withheldCredentials } from './credentials.js';
import type { EffectiveRoute } from './effective-route.js';
import { headersReplaced, headersSet } from './header-rules.js';
import { compileTemplate, splitTarget, templateWithout } from './path-templates.js';

export type Withheld = ReturnType<typeof withheldCredentials>;

export function compileDestination(
  route: EffectiveRoute,
  config: GatewayConfig,
  withheld: Withheld,
): Destination {
  const { upstream, redirect, reply } = route;
  if (upstream !== undefined) return forwardTo(route, upstream, config, withheld);
  if (redirect !== undefined) {
    const { origin, template, suffix } = splitTarget(redirect.to);
    return {
      kind: 'redirect',
      upstream: undefined,
      answer: answer(route, redirect.status ?? 307, {}, ''),
      location: { origin, template: compileTemplate(template, route.path), suffix },
    };
  }
  // The checks have found one of the three.
  if (reply === undefined) throw new Error('the route goes nowhere');
  const type = typeof reply.body === 'string' ? 'text/plain; charset=utf-8' : 'application/json';
  const headers = reply.body === undefined ? reply.headers : { 'content-type': type, ...reply.headers };
  return {
    kind: 'reply',
    upstream: undefined,
    answer: answer(route, reply.status ?? 200, headers, replyBody(reply.body)),
  };
}

/** What is sent for a reply's `body`. */
export function replyBody(body: NonNullable<EffectiveRoute['reply']>['body']): string {
  if (body === undefined) return '';
  return typeof body === 'string' ? body : JSON.stringify(body);
}

/** What only some callers get is kept by no cache on the way, unless config says otherwise. */
function answer(
  { auth }: EffectiveRoute,
  status: number,
  headers: Record<string, string> = {},
  body: string,
): OwnAnswer {
  const named = headersSet({ set: headers });
  const isUncached = auth === 'public' || named.includes('cache-control');
  return { status, headers: isUncached ? named : ['cache-control', 'no-store', ...named], body };
}

const NONE: ReadonlySet<string> = new Set();

export function forwardTo(
  route: EffectiveRoute,
  upstream: string,
  config: GatewayConfig,
  withheld: Withheld,
): ForwardTo {
  const { rewrite, strip_prefix: prefix, path, request_headers, forward_token: forwardToken = false } = route;
  const upstreamProtocol = config.upstreams[upstream]?.protocol ?? 'http1';
  const rewritten = rewrite === undefined ? undefined : compileTemplate(rewrite, path);
  return {
    kind: 'forward',
    upstream,
    upstreamProtocol,
    // HTTP/2 has an end of its own for each body.
    needsFraming: upstreamProtocol === 'http1' && config.upstreams[upstream]?.allow_close_delimited !== true,
    rewrite: rewritten ?? (prefix === undefined ? undefined : templateWithout(prefix)),
    strippedPrefix: prefix,
    forwardToken,
    withheldHeaders: new Set([
      ...(forwardToken ? [] : withheld.headers),
      ...headersReplaced(request_headers),
    ]),
    withheldCookies: forwardToken ? NONE : withheld.cookies,
    requestHeaders: headersSet(request_headers),
    forwardCertificate: route.forward_certificate ?? false,
    asserted: config.upstreams[upstream]?.assertion ?? false,
    maxBodyBytes: sizeBytes(route.max_body ?? '1MiB'),
    timeoutMs: durationMs(route.timeout ?? '30s'),
    tryTimeoutMs: durationMs(route.try_timeout ?? '0s'),
    retries: route.retries ?? 1,
    totalTimeoutMs: durationMs(route.total_timeout ?? '0s'),
    idleTimeoutMs: durationMs(route.idle_timeout ?? '60s'),
    streamIdleTimeoutMs: durationMs(route.stream_idle_timeout ?? '1h'),
    mirror: undefined,
  };
}
