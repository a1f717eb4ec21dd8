import type { ExplainedRoute } from '../../../contracts/admin-explain.js';
import type { Forwardable, Routed } from '../states.js';

/** The route as it takes the request. */
export function explainRoute(
  { route, params }: Routed,
  forwardable: Forwardable | undefined,
  targets: readonly string[],
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
    targets: [...targets],
    sends,
    timeout_ms: forwards?.timeoutMs ?? null,
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
