import type { KeySetStatus } from '../contracts/admin-api.js';
import type { ExplainDeps } from './pipeline/explain/explain-request.js';
import type { ListenerFacts } from './pipeline/explain/inbound-request.js';
import type { GatewayPorts } from './pipeline/ports.js';
import { weightedTargets } from './routing/schema/upstream.js';
import type { GatewayConfig } from './routing/schema.js';

/** How clients reach the public listener, as far as the config says. */
export function listenerFacts({ listen }: GatewayConfig): ListenerFacts {
  const [publicUrl] = [listen.public_url ?? []].flat();
  const named =
    publicUrl === undefined ? listen.hosts?.find((host) => !host.startsWith('*')) : new URL(publicUrl).host;
  return {
    host: named ?? `${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${listen.port}`,
    protocol: listen.tls === undefined ? 'http' : 'https',
  };
}

/** The URLs of an upstream by its name. */
export function upstreamTargets({ upstreams }: GatewayConfig): (name: string) => readonly string[] {
  return (name) => weightedTargets(upstreams[name] ?? {}).map(({ url }) => url);
}

/** What a running gateway explains with: its own ports, keys and revocations. */
export function liveExplainDeps(
  config: GatewayConfig,
  gateway: GatewayPorts,
  keySets: readonly KeySetStatus[],
): ExplainDeps {
  return {
    mode: 'live',
    gateway,
    listener: listenerFacts(config),
    keySetAge: (name) => keySets.find((set) => set.name === name)?.age_ms ?? undefined,
    targetsOf: upstreamTargets(config),
  };
}
