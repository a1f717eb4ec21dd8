import type { ExplainRequest, Explanation } from '../contracts/admin-explain.js';
import { Problem } from '../contracts/problem.js';
import { type Clock, systemClock } from '../kit/clock.js';
import { durationMs } from '../kit/units.js';
import { assertionSecret } from './adapters/assertion-secret.js';
import { createAssertionSigner } from './adapters/assertion-signer.js';
import { explainedUpstream, listenerFacts } from './explain-facts.js';
import { keysAtHand } from './keys-at-hand.js';
import type { GatewayConfigFile } from './options.js';
import { type ExplainDeps, explainRequest } from './pipeline/explain/explain-request.js';
import { NO_LIMITER, NO_LOAD } from './pipeline/explain/quiet-ports.js';
import type { GatewayPorts } from './pipeline/ports.js';
import type { Snapshot } from './pipeline/snapshot.js';
import { compileSnapshot } from './routing/compile.js';
import type { GatewayConfig } from './routing/schema.js';

/** A config that answers for itself, without a gateway. */
export interface OfflineGateway {
  /** As read; its routes stand in the order of the snapshot's. */
  config: GatewayConfig;
  /** {@link config} with its places and texts. */
  options: GatewayConfigFile;
  snapshot: Snapshot;
  explain(asked: ExplainRequest): Promise<Explanation>;
}

/**
 * Compiles a config and runs the pipeline on it, touching nothing: keys are those in the config, in files, and those
 * that a gateway has left on this machine; nothing is looked up in the revocations. Throws ConfigError.
 */
export async function offlineGateway(
  options: GatewayConfigFile,
  clock: Clock = systemClock,
): Promise<OfflineGateway> {
  const keys = await keysAtHand(options.value, clock);
  const snapshot = compileSnapshot(options, (name) => keys.sourceOf(name));
  const deps: ExplainDeps = {
    mode: 'offline',
    gateway: offlinePorts(snapshot, options, clock),
    listener: listenerFacts(options.value),
    keySetAge: (name) => keys.ageMs(name),
    upstreamOf: explainedUpstream(options.value),
  };
  return { config: options.value, options, snapshot, explain: (asked) => explainRequest(asked, deps) };
}

function offlinePorts(snapshot: Snapshot, { value }: GatewayConfigFile, clock: Clock): GatewayPorts {
  return {
    snapshot: () => snapshot,
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    random: () => 0,
    verifiedTokens: { get: () => undefined, set: () => undefined, delete: () => undefined },
    revocations: { find: () => undefined, ageMs: () => 0 },
    openRequests: { watch: () => () => undefined },
    apiKeys: { tokenFor: () => Promise.reject(new Problem('api_key_unverified')), discard: () => false },
    dpopReplays: { remember: () => 'new', knows: () => false },
    assertions: createAssertionSigner({
      secret: assertionSecret(undefined),
      rotationMs: durationMs(value.assertions?.rotation ?? '24h'),
      clock,
    }),
    load: NO_LOAD,
    rateLimiter: NO_LIMITER,
    open: { requests: 0, streams: 0, webSockets: 0 },
    record: () => undefined,
  };
}
