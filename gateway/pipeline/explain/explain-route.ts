import type { ExplainedRoute } from '../../../contracts/admin-explain.js';
import type { Forwardable, Routed } from '../states.js';

/** An upstream, as far as the config knows it. */
export interface ExplainedUpstream {
  targets: readonly string[];
  settings: Readonly<Record<string, string>>;
}

/** The route as it takes the request. */
export function explainRoute(
  { route, params }: Routed,
  forwardable: Forwardable | undefined,
  { targets, settings }: ExplainedUpstream,
): ExplainedRoute {
  const forwards = route.kind === 'forward' ? route : undefined;
  const sends =
    forwardable === undefined ? null : { method: forwardable.request.method, path: forwardable.target };
  return {
    id: route.id,
    source: route.source,
    params: Object.fromEntries(Object.entries(params).map(([name, value]) => [name, value ?? ''])),
    access: route.access,
    upstream: route.upstream ?? null,
    mirror:
      forwards?.mirror === undefined
        ? null
        : { upstream: forwards.mirror.route.upstream, percent: forwards.mirror.percent },
    targets: [...targets],
    sends,
    upstream_settings: { ...settings },
    timeout_ms: forwards?.timeoutMs ?? null,
    try_timeout_ms: forwards?.tryTimeoutMs ?? null,
    total_timeout_ms: forwards?.totalTimeoutMs ?? null,
    retries: forwards?.retries ?? null,
    idle_timeout_ms: forwards?.idleTimeoutMs ?? null,
    stream_idle_timeout_ms: forwards?.streamIdleTimeoutMs ?? null,
    max_body_bytes: forwards?.maxBodyBytes ?? null,
    priority: route.priority,
    rate_limits: (route.rateLimits?.limits ?? []).map(({ name, requests, perMs, burst, by, shared }) => ({
      ...{ name, requests, per_ms: perMs, burst, by, shared },
    })),
    cost: route.rateLimits?.cost ?? 1,
  };
}
