import 'reflect-metadata'; // @peculiar/x509 needs it loaded first
import { KeyObject, webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';
const DAY_MS = 86_400_000;
const BACKDATE_MS = 5 * 60_000; // a peer whose clock is a little behind accepts a fresh certificate

export const LEAF_LIFETIME_MS = 90 * DAY_MS;
export const CA_LIFETIME_MS = 3650 * DAY_MS;

export interface LeafSpec {
  /** File stem and common name: lower-case letters, digits, `-`. */
  name: string;
  /** The one URI SAN, such as `spiffe://gatehouse.internal/gateway`. */
  spiffeId: string;
  /** Default: `localhost`. */
  dnsNames?: string[];
  /** Default: `127.0.0.1`. */
  ipAddresses?: string[];
}

/** PEM texts; the key is PKCS#8. */
export interface Pem {
  cert: string;
  key: string;
}

export interface CertificateAuthority {
  /** The CA certificate, PEM. */
  cert: string;
  /** Issues a P-256 leaf for server and client use. Default validity: from 5 minutes ago for 90 days. */
  issue(leaf: LeafSpec, validity?: { notBefore: Date; notAfter: Date }): Promise<Pem>;
}

/** Makes a new CA: ECDSA P-256, 10 years, may sign leaves only. */
export async function createCertificateAuthority(
  options: { commonName?: string; now?: () => number } = {},
): Promise<CertificateAuthority & { key: string }> {
  const now = options.now ?? Date.now;
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [options.commonName ?? 'Gatehouse development CA'] }],
    ...validityFrom(now(), CA_LIFETIME_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { ...authority(certificate, keys.privateKey, now), key: keyToPem(keys.privateKey) };
}

/** The CA of these PEM texts. Throws when they are not a certificate and a P-256 key. */
export async function loadCertificateAuthority(
  pem: Pem,
  now: () => number = Date.now,
): Promise<CertificateAuthority> {
  const pkcs8 = PemConverter.decodeFirst(pem.key);
  const key = await webcrypto.subtle.importKey('pkcs8', pkcs8, ALGORITHM, true, ['sign']);
  return authority(new X509Certificate(pem.cert), key, now);
}

/** Whether a certificate carries exactly the names of this spec. Throws when it is not a certificate. */
export function hasNamesOf(certificatePem: string, leaf: LeafSpec): boolean {
  const names = new X509Certificate(certificatePem).getExtension(SUBJECT_ALTERNATIVE_NAME);
  return (
    names !== null && Buffer.from(names.rawData).equals(Buffer.from(subjectAlternativeName(leaf).rawData))
  );
}

function authority(
  ca: X509Certificate,
  signingKey: webcrypto.CryptoKey,
  now: () => number,
): CertificateAuthority {
  return {
    cert: toPem(ca),
    async issue(leaf, validity) {
      const keys = await generateKeys();
      const certificate = await X509CertificateGenerator.create({
        subject: [{ CN: [leaf.name] }],
        issuer: ca.subjectName,
        ...(validity ?? validityFrom(now(), LEAF_LIFETIME_MS)),
        signingAlgorithm: ALGORITHM,
        publicKey: keys.publicKey,
        signingKey,
        extensions: await leafExtensions(leaf, ca, keys.publicKey),
      });
      return { cert: toPem(certificate), key: keyToPem(keys.privateKey) };
    },
  };
}

/** The SPIFFE id as the only URI (SPIFFE X.509-SVID section 2), then DNS names and addresses. */
function subjectAlternativeName(leaf: LeafSpec): SubjectAlternativeNameExtension {
  return new SubjectAlternativeNameExtension([
    { type: 'url', value: leaf.spiffeId },
    ...(leaf.dnsNames ?? ['localhost']).map((value) => ({ type: 'dns' as const, value })),
    ...(leaf.ipAddresses ?? ['127.0.0.1']).map((value) => ({ type: 'ip' as const, value })),
  ]);
}

async function leafExtensions(
  leaf: LeafSpec,
  ca: X509Certificate,
  publicKey: webcrypto.CryptoKey,
): Promise<Extension[]> {
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
    subjectAlternativeName(leaf),
    await AuthorityKeyIdentifierExtension.create(ca.publicKey),
    await SubjectKeyIdentifierExtension.create(publicKey),
  ];
}

function validityFrom(nowMs: number, lifetimeMs: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(nowMs - BACKDATE_MS), notAfter: new Date(nowMs + lifetimeMs) };
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

/** Ends its line, so that files can be joined. */
const toPem = (certificate: X509Certificate): string => `${certificate.toString('pem')}\n`;

function keyToPem(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString();
}
