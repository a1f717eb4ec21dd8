import type { KeySetStatus } from '../contracts/admin-api.js';
import { describeUpstream, targetTexts } from './describe-upstream.js';
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

/** What is shown of an upstream besides where it is; the rest says nothing about one request. */
const SHOWN = [
  'balance',
  'health',
  'outliers',
  'retry_budget',
  'connections',
  'circuit_breaker',
  'concurrency',
];

/** An upstream by its name. */
export function explainedUpstream({ upstreams }: GatewayConfig): ExplainDeps['upstreamOf'] {
  return (name) => {
    const upstream = upstreams[name];
    if (upstream === undefined) return { targets: [], settings: {} };
    const described = describeUpstream(upstream);
    return {
      targets: targetTexts(weightedTargets(upstream)),
      settings: Object.fromEntries(SHOWN.map((key) => [key, described[key] ?? ''])),
    };
  };
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
    upstreamOf: explainedUpstream(config),
  };
}
