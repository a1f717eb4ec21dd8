import { X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext, type TlsOptions } from 'node:tls';
import { readPem } from '../../kit/read-pem.js';
import { StartupError } from '../../kit/startup-error.js';
import { type CertificateEnd, chainEnd, trustEnd } from './certificate-end.js';

export interface PublicTlsConfig {
  /** PEM files. The first is for clients that name no host, or an unknown one. */
  certificates: readonly { cert: string; key: string }[];
  /** CA for client certificates; without it none is asked for. */
  clientCa?: string | undefined;
}

/** Certificates as read and found good. */
export interface LoadedCertificates {
  ends: readonly CertificateEnd[];
  options: TlsOptions;
  exact: ReadonlyMap<string, SecureContext>;
  wildcard: ReadonlyMap<string, SecureContext>;
  fallback: SecureContext;
}

/** The certificates of the public listener, chosen by SNI and exchanged while connections go on. */
export class PublicCertificates {
  #loaded: LoadedCertificates;

  constructor(loaded: LoadedCertificates) {
    this.#loaded = loaded;
  }

  /** For `https.createServer`. A client certificate is asked for, and judged later: a route may not need one. */
  serverOptions(): TlsOptions {
    return {
      ...this.#loaded.options,
      requestCert: this.#loaded.options.ca !== undefined,
      rejectUnauthorized: false,
      SNICallback: (servername, done) => done(null, this.#contextFor(servername)),
    };
  }

  /** New handshakes get these; connections that are open go on. */
  adopt(loaded: LoadedCertificates, server: { setSecureContext(options: TlsOptions): void }): void {
    this.#loaded = loaded;
    server.setSecureContext(loaded.options);
  }

  #contextFor(servername: string): SecureContext {
    const name = servername.toLowerCase();
    const { exact, wildcard, fallback } = this.#loaded;
    return exact.get(name) ?? wildcard.get(name.slice(name.indexOf('.'))) ?? fallback;
  }
}

/** Throws StartupError naming the file that cannot be used. */
export function loadCertificates(
  { certificates, clientCa }: PublicTlsConfig,
  use: 'listener' | 'admin',
): LoadedCertificates {
  const ca = clientCa === undefined ? {} : { ca: readPem(clientCa) };
  const exact = new Map<string, SecureContext>();
  const wildcard = new Map<string, SecureContext>();
  const contexts = certificates.map(({ cert, key }) => {
    const options = { cert: readPem(cert), key: readPem(key), minVersion: 'TLSv1.2' as const, ...ca };
    const context = usable(cert, () => createSecureContext(options));
    for (const name of usable(cert, () => hostNames(new X509Certificate(options.cert)))) {
      const map = name.startsWith('*.') ? wildcard : exact;
      const key = name.startsWith('*.') ? name.slice(1) : name;
      if (!map.has(key)) map.set(key, context);
    }
    return { options, context };
  });
  const [first] = contexts;
  if (first === undefined) throw new StartupError('listen.tls needs at least one certificate');
  const ends = certificates.map(({ cert }, index) =>
    chainEnd(use, cert, contexts[index]?.options.cert ?? ''),
  );
  if (clientCa !== undefined) ends.push(trustEnd(`${use}_ca`, clientCa, ca.ca ?? ''));
  return { ends, options: first.options, exact, wildcard, fallback: first.context };
}

function hostNames({ subjectAltName = '' }: X509Certificate): string[] {
  return subjectAltName
    .split(', ')
    .filter((name) => name.startsWith('DNS:'))
    .map((name) => name.slice('DNS:'.length).toLowerCase());
}

function usable<T>(path: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    throw new StartupError(`${path} and its key are not a usable pair of PEM files`, { cause });
  }
}
