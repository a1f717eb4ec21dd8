import { Problem } from '../../contracts/problem.js';

/** RFC 6750 section 2.1; the scheme's case does not matter (RFC 9110 section 11.1). Throws Problem `token_malformed`. */
export function bearerToken(authorization: string): string {
  const token = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i.exec(authorization)?.[1];
  if (token === undefined) throw new Problem('token_malformed');
  return token;
}
