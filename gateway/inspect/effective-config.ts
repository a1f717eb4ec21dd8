import { durationMs } from '../../kit/units.js';
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
    timeout: duration(route.timeoutMs),
    idle_timeout: duration(route.idleTimeoutMs),
    stream_idle_timeout: duration(route.streamIdleTimeoutMs),
    max_body: size(route.maxBodyBytes),
  };
}

/** In the largest unit that it is a whole number of, as config writes it. */
export function duration(ms: number): string {
  const unit = ['d', 'h', 'm', 's'].find((name) => ms > 0 && ms % durationMs(`1${name}`) === 0);
  return unit === undefined ? `${ms}ms` : `${ms / durationMs(`1${unit}`)}${unit}`;
}

export function size(bytes: number): string {
  const units = ['GiB', 'MiB', 'KiB'];
  const index = units.findIndex((_, power) => bytes > 0 && bytes % 1024 ** (3 - power) === 0);
  return index === -1 ? `${bytes}B` : `${bytes / 1024 ** (3 - index)}${units[index]}`;
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
