import { createHash, X509Certificate } from 'node:crypto';

/** The certificate that a client showed to the gateway. */
export interface ClientCertificate {
  /** `URI:…` and `DNS:…`, as registered for clients. */
  names: readonly string[];
  /** `x5t#S256` (RFC 8705 section 3.1). */
  thumbprint: string;
  validFromMs: number;
  validToMs: number;
}

const MAX_LENGTH = 16 * 1024;

/**
 * Reads a `Client-Cert` header: DER as a byte sequence of structured fields (RFC 9440 section 2.1). Whose word it is,
 * is for the connection to say: only the gateway's gets here, and it takes such a header from nobody. Undefined when it
 * holds no certificate.
 */
export function parseClientCertificate(header: string): ClientCertificate | undefined {
  if (header.length > MAX_LENGTH) return undefined;
  const encoded = /^:([A-Za-z0-9+/]+={0,2}):$/.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  try {
    const certificate = new X509Certificate(Buffer.from(encoded, 'base64'));
    return {
      names: namesOf(certificate.subjectAltName),
      thumbprint: createHash('sha256').update(certificate.raw).digest('base64url'),
      validFromMs: Date.parse(certificate.validFrom),
      validToMs: Date.parse(certificate.validTo),
    };
  } catch {
    return undefined;
  }
}

/**
 * Node writes a name that holds a comma or a quote as a JSON string (CVE-2021-44532); no name that can be registered
 * has either, and such a certificate is not picked apart.
 */
function namesOf(subjectAltName: string | undefined): string[] {
  if (subjectAltName === undefined || subjectAltName.includes('"')) return [];
  return subjectAltName.split(', ').filter((name) => /^(URI|DNS):/.test(name));
}
