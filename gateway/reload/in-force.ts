import type { CertificateEnd } from '../adapters/certificate-end.js';
import type { LoadedCertificates } from '../adapters/public-certificates.js';
import type { AdminGuard } from '../http/admin-guard.js';
import type { Edge } from '../http/edge.js';
import type { GatewayOptions } from '../options.js';
import type { Assertions, OverloadLimits } from '../pipeline/ports.js';
import type { Snapshot } from '../pipeline/snapshot.js';

/** All that one version of the config decides, replaced as a whole. */
export interface InForce {
  options: GatewayOptions;
  snapshot: Snapshot;
  edge: Edge;
  assertions: Assertions;
  overload: OverloadLimits;
  /** Who may call the admin listener, and its certificate; undefined for plain HTTP. */
  admin: { guard: AdminGuard; certificates: LoadedCertificates | undefined };
  /** Of the public listener; undefined for plain HTTP. */
  certificates: LoadedCertificates | undefined;
  /** When the listeners' and the internal certificates end. */
  certificateEnds: readonly CertificateEnd[];
  /** What the files held that it was made from: certificates, keys, secrets. */
  material: Material;
}

/** Fingerprints, so that what is unchanged is not made anew. */
export interface Material {
  /** Of all files that the config names. */
  all: string;
  /** The listener's certificates. */
  certificates: string;
}
