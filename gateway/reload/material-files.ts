import { fingerprint } from '../../kit/watched-files.js';
import type { GatewayOptions } from '../options.js';
import type { GatewayConfig } from '../routing/schema.js';
import type { Material } from './in-force.js';

/** Every file beside the config itself that a config rests on: certificates, keys, secrets. */
export function materialFiles({ value: config, sources, texts }: GatewayOptions): string[] {
  const { ca, cert, key } = config.internal_tls;
  const issuers = Object.values(config.issuers).flatMap((issuer) => [issuer.ca, issuer.jwks_file]);
  const secrets = sources.filter((source) => texts.every(({ file }) => file !== source));
  const { tls } = config.admin;
  const admin = tls === undefined ? [] : [tls.cert, tls.key, tls.client_ca];
  return [ca, cert, key, ...certificateFiles(config), ...admin, ...issuers, ...secrets].filter(
    (path) => path !== undefined,
  );
}

export function readMaterial(options: GatewayOptions): Material {
  const { value: config } = options;
  return {
    all: fingerprint(materialFiles(options)),
    certificates: JSON.stringify([config.listen.tls, fingerprint(certificateFiles(config))]),
  };
}

function certificateFiles({ listen: { tls } }: GatewayConfig): string[] {
  if (tls === undefined) return [];
  const pairs = tls.certificates.flatMap(({ cert, key }) => [cert, key]);
  return tls.client_ca === undefined ? pairs : [...pairs, tls.client_ca];
}
