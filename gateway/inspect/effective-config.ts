import { showDuration, showSize } from '../../kit/units.js';
import type { OfflineGateway } from '../offline-explain.js';
import type { Route } from '../pipeline/route.js';
import { effectiveRoute } from '../routing/compile/effective-route.js';

const SECRET_NAME = /secret|passw|private|token$/i;
const MASK = '(secret)';

/**
 * The config as the gateway goes by it: files merged, environment put in, each route with what it did not say itself.
 * Secrets are masked: settings that are called one, headers for upstreams, and passwords in URLs.
 */
export function effectiveConfig({ config, snapshot }: OfflineGateway): unknown {
  const routes = config.routes.map((route, index) => {
    const compiled = snapshot.routes.all[index];
    const effective = effectiveRoute(route, config);
    return compiled === undefined ? effective : { ...effective, ...limitsOf(compiled) };
  });
  return mask({ ...config, routes });
}

function limitsOf(route: Route): object {
  const methods = [...route.methods];
  if (route.kind !== 'forward') return { methods };
  return {
    methods,
    timeout: showDuration(route.timeoutMs),
    idle_timeout: showDuration(route.idleTimeoutMs),
    stream_idle_timeout: showDuration(route.streamIdleTimeoutMs),
    max_body: showSize(route.maxBodyBytes),
  };
}

function mask(value: unknown, name = ''): unknown {
  if (typeof value === 'string' && value !== '' && SECRET_NAME.test(name)) return MASK;
  if (typeof value === 'string') return value.replaceAll(/(:\/\/[^/@\s:]*:)[^/@\s]+@/g, `$1${MASK}@`);
  if (Array.isArray(value)) return value.map((item) => mask(item, name));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      name === 'request_headers' && key === 'set' ? maskAll(item as object) : mask(item, key),
    ]),
  );
}

const maskAll = (headers: object): object =>
  Object.fromEntries(Object.keys(headers).map((name) => [name, MASK]));
