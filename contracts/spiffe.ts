/** SPIFFE ids (spiffe.io, X509-SVID): who a process is, as the one URI SAN of its certificate. */

export const TRUST_DOMAIN = 'gatehouse.internal';

/** `spiffe://gatehouse.internal/<name>` */
export function spiffeId(name: string): string {
  return `spiffe://${TRUST_DOMAIN}/${name}`;
}

export const GATEWAY_SPIFFE_ID = spiffeId('gateway');
export const AUTH_SERVICE_SPIFFE_ID = spiffeId('auth-service');
/** Who may use the auth service's admin API, and nothing else there. */
export const OPERATOR_SPIFFE_ID = spiffeId('operator');

/**
 * The SPIFFE id in a certificate's `subjectaltname` as Node prints it, or undefined.
 * An SVID has exactly one URI SAN (X509-SVID section 2): with none or several the certificate names nobody.
 * Node writes a value that holds a comma or a quote as a JSON string (CVE-2021-44532); such a value is no SPIFFE id
 * and must not be split into one.
 */
export function spiffeIdFromSubjectAltName(subjectAltName: string | undefined): string | undefined {
  if (subjectAltName === undefined || subjectAltName.includes('"')) return undefined;
  const uris = subjectAltName
    .split(', ')
    .filter((name) => name.startsWith('URI:'))
    .map((name) => name.slice('URI:'.length));
  const [only] = uris;
  return uris.length === 1 && only !== undefined && only.startsWith('spiffe://') ? only : undefined;
}

/** What a certificate may be known by, from its `subjectaltname` as Node prints it: its SPIFFE id and its DNS names. */
export function namesFromSubjectAltName(subjectAltName: string | undefined): string[] {
  const id = spiffeIdFromSubjectAltName(subjectAltName);
  if (subjectAltName === undefined || subjectAltName.includes('"')) return [];
  const hosts = subjectAltName
    .split(', ')
    .filter((name) => name.startsWith('DNS:'))
    .map((name) => name.slice('DNS:'.length));
  return id === undefined ? hosts : [id, ...hosts];
}
