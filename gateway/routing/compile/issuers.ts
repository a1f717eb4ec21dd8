import { durationMs } from '../../../kit/units.js';
import type { KeySource } from '../../pipeline/ports.js';
import type { Issuer } from '../../pipeline/route.js';
import type { GatewayConfig } from '../schema.js';

/** Gives the key source of an issuer by its name in config. */
export type KeySources = (issuerName: string) => KeySource;

export function compileIssuers(config: GatewayConfig, keySources: KeySources): Map<string, Issuer> {
  return new Map(
    Object.entries(config.issuers).map(([name, issuer]) => [
      name,
      {
        name,
        issuer: issuer.issuer,
        audiences: [issuer.audience].flat(),
        algorithms: issuer.algorithms ?? ['ES256'],
        tokenType: (issuer.token_type ?? 'at+jwt').toLowerCase(),
        leewayS: durationMs(issuer.leeway ?? '30s') / 1000,
        maxLifetimeS: durationMs(issuer.max_lifetime ?? '30d') / 1000,
        own: issuer.own ?? false,
        keys: keySources(name),
      },
    ]),
  );
}
