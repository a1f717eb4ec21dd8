import type { CertificateReadiness } from '../../contracts/admin-api.js';
import { certificateEnds } from '../../kit/certificate-expiry.js';

/** When a file of certificates no longer does. */
export interface CertificateEnd {
  use: CertificateReadiness['use'];
  file: string;
  /** Unix milliseconds. */
  endsAt: number;
}

/** Of a certificate with its intermediates: when the first of them ends. */
export function chainEnd(use: CertificateEnd['use'], file: string, pem: string): CertificateEnd {
  return { use, file, endsAt: certificateEnds(pem)[0] ?? 0 };
}

/** Of CAs side by side: when the last of them ends. */
export function trustEnd(use: CertificateEnd['use'], file: string, pem: string): CertificateEnd {
  return { use, file, endsAt: certificateEnds(pem).at(-1) ?? 0 };
}
