import { durationMs } from '../../../kit/units.js';
import type { ClaimPath, ClaimPaths, Issuer } from '../../pipeline/issuer.js';
import { DEFAULT_CLAIM_PATHS, type KeySource } from '../../pipeline/ports.js';
import type { GatewayConfig, IssuerConfig } from '../schema.js';

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
        tokenTypes: [issuer.token_type ?? 'at+jwt'].flat().map(bareType),
        leewayS: durationMs(issuer.leeway ?? '30s') / 1000,
        maxLifetimeS: durationMs(issuer.max_lifetime ?? '30d') / 1000,
        own: issuer.own ?? false,
        claims: claimPaths(issuer.claims),
        keys: keySources(name),
      },
    ]),
  );
}

const bareType = (type: string): string => type.toLowerCase().replace(/^application\//, '');

function claimPaths({ token_id, ...others }: IssuerConfig['claims'] = {}): ClaimPaths {
  const written = Object.entries({ ...others, tokenId: token_id }).filter(([, path]) => path !== undefined);
  const paths = written.map(([name, path]) => [name, stepsOf(path)] as const);
  return { ...DEFAULT_CLAIM_PATHS, ...Object.fromEntries(paths) };
}

const stepsOf = (path: string | readonly string[] | undefined): ClaimPath =>
  typeof path === 'string' ? path.split('.') : (path ?? []);
