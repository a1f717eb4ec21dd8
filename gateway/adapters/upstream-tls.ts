import { createSecureContext, type SecureContext } from 'node:tls';
import { type InternalClientTls, internalClientTls, type TlsMaterial } from '../../kit/tls-files.js';

/** Made once for all targets of an upstream. */
export type UpstreamTls = InternalClientTls & { secureContext: SecureContext };

/** Throws where `material` is no use to TLS. */
export function upstreamTls(material: TlsMaterial, spiffeId: string): UpstreamTls {
  const verified = internalClientTls(material, spiffeId);
  return { ...verified, secureContext: createSecureContext(verified) };
}
