import { errors } from 'undici';
import { Problem } from '../../contracts/problem.js';
import type { ProblemCode } from '../../contracts/problem-codes.js';

const CODES: Readonly<Record<string, ProblemCode>> = {
  UND_ERR_CONNECT_TIMEOUT: 'upstream_timeout',
  UND_ERR_HEADERS_TIMEOUT: 'upstream_timeout',
  UND_ERR_BODY_TIMEOUT: 'upstream_timeout',
  ETIMEDOUT: 'upstream_timeout',
  UND_ERR_SOCKET: 'upstream_reset',
  ECONNRESET: 'upstream_reset',
  ERR_UPSTREAM_RESET: 'upstream_reset',
  EPIPE: 'upstream_reset',
  UND_ERR_HEADERS_OVERFLOW: 'upstream_response_invalid',
  UND_ERR_RESPONSE_STATUS_CODE: 'upstream_response_invalid',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'upstream_response_invalid',
  ERR_PEER_IDENTITY: 'upstream_untrusted',
  CERT_HAS_EXPIRED: 'upstream_untrusted',
  CERT_NOT_YET_VALID: 'upstream_untrusted',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'upstream_untrusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'upstream_untrusted',
  UNABLE_TO_GET_ISSUER_CERT: 'upstream_untrusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'upstream_untrusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'upstream_untrusted',
  CERT_SIGNATURE_FAILURE: 'upstream_untrusted',
  INVALID_PURPOSE: 'upstream_untrusted',
};

/** What a failed attempt at an upstream is called. Anything else that goes wrong before an answer is "unreachable". */
export function upstreamProblem(cause: unknown): Problem {
  if (cause instanceof Problem) return cause;
  const code = (cause as { code?: unknown } | null)?.code;
  if (typeof code === 'string') {
    const known = CODES[code];
    if (known !== undefined) return new Problem(known, { cause });
    if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_'))
      return new Problem('upstream_untrusted', { cause });
  }
  // undici's parser error has no code of its own.
  if (cause instanceof errors.HTTPParserError) return new Problem('upstream_response_invalid', { cause });
  return new Problem('upstream_unreachable', { cause });
}
