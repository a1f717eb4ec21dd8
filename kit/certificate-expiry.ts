import { X509Certificate } from 'node:crypto';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** When each certificate of a PEM text ends: unix milliseconds, earliest first. */
export function certificateEnds(pem: string): number[] {
  return [...pem.matchAll(CERTIFICATE)]
    .map(([text]) => Date.parse(new X509Certificate(text).validTo))
    .sort((a, b) => a - b);
}
