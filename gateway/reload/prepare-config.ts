import { isDeepStrictEqual } from 'node:util';
import { createAddressList } from '../../kit/address-list.js';
import type { Clock } from '../../kit/clock.js';
import { ConfigError, type ConfigPath } from '../../kit/config-file.js';
import { StartupError } from '../../kit/startup-error.js';
import { readTlsFiles, type TlsFiles, type TlsMaterial } from '../../kit/tls-files.js';
import { durationMs } from '../../kit/units.js';
import { assertionSecret } from '../adapters/assertion-secret.js';
import { createAssertionSigner } from '../adapters/assertion-signer.js';
import { type CertificateEnd, chainEnd, trustEnd } from '../adapters/certificate-end.js';
import { loadCertificates } from '../adapters/public-certificates.js';
import type { UpstreamConnections } from '../adapters/upstream-connections.js';
import { createAdminGuard } from '../http/admin-guard.js';
import type { KeyCaches } from '../key-caches.js';
import type { GatewayOptions } from '../options.js';
import { compileSnapshot } from '../routing/compile.js';
import { listenerLimits } from '../routing/schema/limits.js';
import { overloadLimits } from '../routing/schema/overload.js';
import type { WorkerRole } from '../worker-role.js';
import { checkRestart } from './check-restart.js';
import type { InForce } from './in-force.js';
import { readMaterial } from './material-files.js';
import { upstreamSpecs } from './upstream-specs.js';

export interface PreparedConfig {
  next: InForce;
  /** Issuers whose tokens get 503 for now. */
  issuersWithoutKeys: string[];
  /** Lets the parts with a life of their own go over to it. Cannot fail, and waits for nothing. */
  adopt(): void;
  /** In place of adopting it: ends what was begun. */
  discard(): Promise<void>;
}

export interface ConfigParts {
  upstreams: UpstreamConnections;
  keys: KeyCaches;
  clock: Clock;
  /** Where several processes are one gateway. */
  worker?: Pick<WorkerRole, 'shareOf' | 'assertionSecret'> | undefined;
}

/**
 * Makes everything that the config decides, and changes nothing that is in force. What is unchanged since `inForce` is
 * taken over from it. Rejects with ConfigError, after ending whatever it had begun.
 */
export async function prepareConfig(
  options: GatewayOptions,
  inForce: InForce | undefined,
  { upstreams, keys, clock, worker }: ConfigParts,
): Promise<PreparedConfig> {
  const config = options.value;
  const share = worker?.shareOf(config) ?? config;
  const unfit = inForce === undefined ? [] : checkRestart(options, inForce.options);
  if (unfit.length > 0) throw new ConfigError(unfit);
  const material = readMaterial(options);
  // Asked for by the compiler, that is when the config itself has been found good.
  const internalTls = once(() => placed(options, ['internal_tls'], () => readTlsFiles(config.internal_tls)));
  const upstreamSet = once(() => upstreams.prepare(upstreamSpecs(share), internalTls()));
  const nextKeys = keys.prepare(options, upstreamSet);
  try {
    const snapshot = placed(options, ['issuers'], () => compileSnapshot(options, nextKeys.sourceOf));
    const certificates =
      inForce !== undefined && inForce.material.certificates === material.certificates
        ? inForce.certificates
        : placed(options, ['listen', 'tls'], () => certificatesOf(options));
    const admin = placed(options, ['admin', 'tls'], () => adminOf(options));
    const next: InForce = {
      options,
      snapshot,
      edge: {
        upstreams: upstreamSet(),
        limits: listenerLimits(share.limits),
        trustedProxies: createAddressList(config.listen.trusted_proxies ?? []),
      },
      assertions:
        inForce !== undefined && isDeepStrictEqual(inForce.options.value.assertions, config.assertions)
          ? inForce.assertions
          : signer(options, clock, worker?.assertionSecret),
      overload: overloadLimits(share.overload),
      admin,
      certificates,
      certificateEnds: [
        ...(certificates?.ends ?? []),
        ...internalEnds(config.internal_tls, internalTls()),
        ...(admin.certificates?.ends ?? []),
      ],
      material,
    };
    await nextKeys.start(inForce !== undefined);
    return {
      next,
      issuersWithoutKeys: nextKeys.missing(),
      adopt() {
        upstreams.adopt(upstreamSet());
        nextKeys.adopt();
      },
      discard: () => nextKeys.discard(),
    };
  } catch (error) {
    await nextKeys.discard();
    throw error;
  }
}

function signer({ value: { assertions } }: GatewayOptions, clock: Clock, own: Uint8Array | undefined) {
  return createAssertionSigner({
    secret: assertionSecret(assertions?.secret, own),
    rotationMs: durationMs(assertions?.rotation ?? '24h'),
    clock,
  });
}

function certificatesOf({ value: { listen } }: GatewayOptions) {
  return listen.tls === undefined
    ? undefined
    : loadCertificates({ certificates: listen.tls.certificates, clientCa: listen.tls.client_ca }, 'listener');
}

function adminOf({ value: { admin } }: GatewayOptions): InForce['admin'] {
  const { tls } = admin;
  const certificates =
    tls === undefined
      ? undefined
      : loadCertificates({ certificates: [tls], clientCa: tls.client_ca }, 'admin');
  return { guard: createAdminGuard(admin), certificates };
}

function internalEnds(files: TlsFiles, { cert, ca }: TlsMaterial): CertificateEnd[] {
  return [chainEnd('internal', files.cert, cert), trustEnd('internal_ca', files.ca, ca)];
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** What is wrong with a file is a problem of the place in the config that names it. */
function placed<T>(options: GatewayOptions, path: ConfigPath, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof StartupError) || error instanceof ConfigError) throw error;
    throw new ConfigError([options.problem(path, 'config_certificate_file', error.message)]);
  }
}
