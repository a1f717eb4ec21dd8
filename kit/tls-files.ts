import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { PeerCertificate, TlsOptions } from 'node:tls';
import { spiffeIdFromSubjectAltName } from '../contracts/spiffe.js';
import { readPem } from './read-pem.js';
import { StartupError } from './startup-error.js';

/** Paths of PEM files: who we are, and whom we trust. */
export interface TlsFiles {
  /** One or more CA certificates, so that an old and a new CA can stand side by side. */
  ca: string;
  /** Our certificate, with intermediates if any. */
  cert: string;
  key: string;
}

/** The PEM texts themselves. */
export interface TlsMaterial {
  ca: string;
  cert: string;
  key: string;
}

/** Reads the files and checks that they fit together. Throws StartupError naming the file and the remedy. */
export function readTlsFiles(files: TlsFiles): TlsMaterial {
  const material = { ca: readPem(files.ca), cert: readPem(files.cert), key: readPem(files.key) };
  parse(files.ca, () => new X509Certificate(material.ca));
  const certificate = parse(files.cert, () => new X509Certificate(material.cert));
  const key = parse(files.key, () => createPrivateKey(material.key));
  if (!certificate.checkPrivateKey(key)) {
    throw new StartupError(`${files.key} is not the key of ${files.cert}: point cert and key at one pair`);
  }
  return material;
}

function parse<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new StartupError(`${path} is not a PEM file of the expected kind`, { cause });
  }
}

/** The certificate of the peer is not the one we went to. */
export class PeerIdentityError extends Error {
  override readonly name = 'PeerIdentityError';
  readonly code = 'ERR_PEER_IDENTITY';
}

/** Options for `tls.connect` and for undici's connector. */
export interface InternalClientTls extends TlsMaterial {
  minVersion: 'TLSv1.3';
  rejectUnauthorized: true;
  checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined;
}

/**
 * Client side of internal mTLS: our certificate is shown, the peer's has to come from the internal CA and carry
 * `expectedSpiffeId`. A session ticket would skip the identity check on reconnect (Node checks full handshakes only),
 * and the sessions of one peer must never serve another, so callers keep no session cache.
 */
export function internalClientTls(material: TlsMaterial, expectedSpiffeId: string): InternalClientTls {
  return {
    ...material,
    minVersion: 'TLSv1.3',
    rejectUnauthorized: true,
    checkServerIdentity: (_host: string, certificate: PeerCertificate) =>
      spiffeIdFromSubjectAltName(certificate.subjectaltname) === expectedSpiffeId
        ? undefined
        : new PeerIdentityError(`the peer is not ${expectedSpiffeId}`),
  };
}

/** Server side of internal mTLS: nobody without a certificate of the internal CA gets through the handshake. */
export function internalServerTls(material: TlsMaterial): TlsOptions {
  return { ...material, minVersion: 'TLSv1.3', requestCert: true, rejectUnauthorized: true };
}
