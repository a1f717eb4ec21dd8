import { Problem } from '../../contracts/problem.js';

/**
 * RFC 6750 section 2.1; the scheme's case does not matter (RFC 9110 section 11.1). A DPoP-bound token comes under a
 * scheme of its own (RFC 9449 section 7.1); its proof is the gateway's to check. Throws Problem `token_malformed`.
 */
export function bearerToken(authorization: string): string {
  const token = /^(?:Bearer|DPoP) +([A-Za-z0-9\-._~+/]+=*)$/i.exec(authorization)?.[1];
  if (token === undefined) throw new Problem('token_malformed');
  return token;
}
