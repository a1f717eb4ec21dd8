import type { JWK } from 'jose';
import { Problem } from '../../contracts/problem.js';
import { newUuid } from '../tokens/new-uuid.js';
import type { ClientAuthMethod, ClientCredential } from './client.js';
import { publicClientKey } from './client-key.js';
import { secretHash } from './secret-hash.js';

/** What an operator brings along; a secret is made here and not brought. */
export interface NewCredential {
  jwk: JWK | undefined;
  /** `URI:…` or `DNS:…` */
  certificateName: string | undefined;
}

/** Rejects with Problem `json_invalid` when what was brought is not what the method needs. */
export type MakeCredential = (
  method: ClientAuthMethod,
  brought: NewCredential,
  nowMs: number,
) => Promise<{ credential: ClientCredential; secret: string | undefined }>;

/** So that a scanner knows a leaked one. */
const SECRET_PREFIX = 'gcs_';
const SECRET_BYTES = 32;
/** No comma, no quote: what a certificate's names can be compared to without parsing (client-certificate.ts). */
const CERTIFICATE_NAME = /^(URI:[a-z][a-z0-9+.-]*:[\w!#$%&'()*+./:;=?@[\]~-]{1,512}|DNS:[\w*.-]{1,253})$/i;

export function createMakeCredential(random: (size: number) => Buffer): MakeCredential {
  return async (method, { jwk, certificateName }, nowMs) => {
    const none = { secretHash: undefined, publicJwk: undefined, certificateName: undefined };
    const base = { ...none, id: newUuid(random), createdAtMs: nowMs, expiresAtMs: undefined };
    const isKey = method === 'private_key_jwt';
    const isCertificate = method === 'tls_client_auth';
    if ((jwk !== undefined) !== isKey || (certificateName !== undefined) !== isCertificate)
      throw new Problem('json_invalid');
    if (jwk !== undefined) {
      const publicJwk = await publicClientKey(jwk);
      if (publicJwk === undefined) throw new Problem('json_invalid');
      return { credential: { ...base, publicJwk }, secret: undefined };
    }
    if (certificateName !== undefined) {
      if (!CERTIFICATE_NAME.test(certificateName)) throw new Problem('json_invalid');
      return { credential: { ...base, certificateName }, secret: undefined };
    }
    const secret = SECRET_PREFIX + random(SECRET_BYTES).toString('base64url');
    return { credential: { ...base, secretHash: secretHash(secret) }, secret };
  };
}
