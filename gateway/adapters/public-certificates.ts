import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext, type TlsOptions } from 'node:tls';
import { type Clock, systemClock } from '../../kit/clock.js';
import type { Logger } from '../../kit/logger.js';
import { StartupError } from '../../kit/startup-error.js';
import { watchFiles } from '../../kit/watched-files.js';
import { type CertificateEnd, chainEnd, trustEnd } from './certificate-end.js';

export interface PublicTlsConfig {
  /** PEM files. The first is for clients that name no host, or an unknown one. */
  certificates: readonly { cert: string; key: string }[];
  /** CA for client certificates; without it none is asked for. */
  clientCa?: string | undefined;
}

interface Loaded {
  ends: readonly CertificateEnd[];
  options: TlsOptions;
  exact: ReadonlyMap<string, SecureContext>;
  wildcard: ReadonlyMap<string, SecureContext>;
  fallback: SecureContext;
}

/** The certificates of the public listener, chosen by SNI and exchanged while connections go on. */
export class PublicCertificates {
  readonly #config: PublicTlsConfig;
  #loaded: Loaded;
  #stopWatching: () => void = () => undefined;

  /** Throws StartupError naming the file that cannot be used. */
  constructor(config: PublicTlsConfig) {
    this.#config = config;
    this.#loaded = load(config);
  }

  /** For `https.createServer`. A client certificate is asked for, and judged later: a route may not need one. */
  serverOptions(): TlsOptions {
    return {
      ...this.#loaded.options,
      requestCert: this.#config.clientCa !== undefined,
      rejectUnauthorized: false,
      SNICallback: (servername, done) => done(null, this.#contextFor(servername)),
    };
  }

  /** Follows the files. A set that does not load leaves the last good one in force. */
  watch(
    server: { setSecureContext(options: TlsOptions): void },
    logger: Logger,
    clock: Clock = systemClock,
  ): void {
    const paths = [
      ...this.#config.certificates.flatMap(({ cert, key }) => [cert, key]),
      this.#config.clientCa ?? [],
    ].flat();
    this.#stopWatching = watchFiles(
      paths,
      () => {
        try {
          this.#loaded = load(this.#config);
          server.setSecureContext(this.#loaded.options);
          logger.info({ certificates: this.#config.certificates.length }, 'certificates reloaded');
        } catch (err) {
          logger.error({ err }, 'certificates not reloaded; the last good ones stay');
        }
      },
      { clock },
    );
  }

  /** Of the files in force. */
  get ends(): readonly CertificateEnd[] {
    return this.#loaded.ends;
  }

  stop(): void {
    this.#stopWatching();
  }

  #contextFor(servername: string): SecureContext {
    const name = servername.toLowerCase();
    const { exact, wildcard, fallback } = this.#loaded;
    return exact.get(name) ?? wildcard.get(name.slice(name.indexOf('.'))) ?? fallback;
  }
}

function load({ certificates, clientCa }: PublicTlsConfig): Loaded {
  const ca = clientCa === undefined ? {} : { ca: read(clientCa) };
  const exact = new Map<string, SecureContext>();
  const wildcard = new Map<string, SecureContext>();
  const contexts = certificates.map(({ cert, key }) => {
    const options = { cert: read(cert), key: read(key), minVersion: 'TLSv1.2' as const, ...ca };
    const context = use(cert, () => createSecureContext(options));
    for (const name of use(cert, () => hostNames(new X509Certificate(options.cert)))) {
      const map = name.startsWith('*.') ? wildcard : exact;
      const key = name.startsWith('*.') ? name.slice(1) : name;
      if (!map.has(key)) map.set(key, context);
    }
    return { options, context };
  });
  const [first] = contexts;
  if (first === undefined) throw new StartupError('listen.tls needs at least one certificate');
  const ends = certificates.map(({ cert }, index) =>
    chainEnd('listener', cert, contexts[index]?.options.cert ?? ''),
  );
  if (clientCa !== undefined) ends.push(trustEnd('listener_ca', clientCa, ca.ca ?? ''));
  return { ends, options: first.options, exact, wildcard, fallback: first.context };
}

function hostNames({ subjectAltName = '' }: X509Certificate): string[] {
  return subjectAltName
    .split(', ')
    .filter((name) => name.startsWith('DNS:'))
    .map((name) => name.slice('DNS:'.length).toLowerCase());
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new StartupError(
      `cannot read ${path}: ${(cause as NodeJS.ErrnoException).code ?? 'unknown error'}`,
      { cause },
    );
  }
}

function use<T>(path: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    throw new StartupError(`${path} and its key are not a usable pair of PEM files`, { cause });
  }
}
