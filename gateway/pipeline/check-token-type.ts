import { Problem } from '../../contracts/problem.js';
import { type Issuer, NO_TOKEN_TYPE } from './issuer.js';
import type { ParsedToken } from './parse-token.js';
import type { JsonObject } from './strict-json.js';

/** Hashes of what an ID token was handed out with (OIDC Core section 3.3.2.11, FAPI); no access token carries one. */
const ID_TOKEN_CLAIMS = ['at_hash', 'c_hash', 's_hash'];

/** Keycloak tells its kinds apart by a claim, for lack of a header. */
const KEYCLOAK_OTHERS = new Set(['ID', 'Refresh', 'Offline', 'Logout', 'RegistrationAccessToken']);

/**
 * RFC 9068 section 2.1, RFC 8725 section 3.11: an ID token or another kind of JWT of the same issuer is no access
 * token. Issuers that call all of theirs `JWT`, or nothing, are why the claims are looked at as well.
 */
export function checkTokenType({ header, payload }: ParsedToken, { tokenTypes }: Issuer): void {
  const type = typeOf(header);
  if (type === undefined || !tokenTypes.includes(type)) throw new Problem('token_type');
  const isAnotherKind =
    ID_TOKEN_CLAIMS.some((name) => Object.hasOwn(payload, name)) ||
    (typeof payload.typ === 'string' && KEYCLOAK_OTHERS.has(payload.typ));
  if (isAnotherKind) throw new Problem('token_type');
}

/** As RFC 7515 section 4.1.9 compares them: in any case, with or without `application/`. */
function typeOf({ typ }: JsonObject): string | undefined {
  if (typ === undefined) return NO_TOKEN_TYPE;
  if (typeof typ !== 'string') return undefined;
  const type = typ.toLowerCase().replace(/^application\//, '');
  return type === NO_TOKEN_TYPE ? undefined : type;
}
