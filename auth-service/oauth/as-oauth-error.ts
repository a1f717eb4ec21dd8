import type { FastifyError } from 'fastify';
import { Problem, problemHeaders } from '../../contracts/problem.js';
import { type ProblemCode, problemSpec } from '../../contracts/problem-codes.js';
import { OAuthError, type OAuthErrorCode } from './oauth-error.js';

/** The refusals of sessions and proofs, as an OAuth client knows them. */
const CODES: Partial<Record<ProblemCode, OAuthErrorCode>> = {
  refresh_token_invalid: 'invalid_grant',
  refresh_token_reused: 'invalid_grant',
  session_expired: 'invalid_grant',
  session_revoked: 'invalid_grant',
  account_disabled: 'invalid_grant',
  dpop_invalid: 'invalid_dpop_proof',
  dpop_replayed: 'invalid_dpop_proof',
};

/** Any error of an OAuth endpoint as what the client is told. */
export function asOAuthError(error: FastifyError | Error): OAuthError {
  if (error instanceof OAuthError) return error;
  if (error instanceof Problem) return fromProblem(error);
  const { code, statusCode } = error as Partial<FastifyError>;
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    const description = 'this endpoint takes application/x-www-form-urlencoded';
    return new OAuthError('invalid_request', description, { status: 415, cause: error });
  }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new OAuthError('invalid_request', 'the body is too large', { status: 413, cause: error });
  const isClientError = statusCode !== undefined && statusCode >= 400 && statusCode < 500;
  if (isClientError) return new OAuthError('invalid_request', 'the request is malformed', { cause: error });
  return new OAuthError('server_error', 'something went wrong here', { cause: error });
}

function fromProblem(problem: Problem): OAuthError {
  const { detail } = problemSpec(problem.code);
  const cause = problem.cause ?? problem;
  const code = CODES[problem.code];
  if (code !== undefined) return new OAuthError(code, detail, { cause });
  if (problem.status !== 503 && problem.status !== 429)
    return new OAuthError('server_error', detail, { cause });
  const retryAfter = problemHeaders(problem)['retry-after'];
  return new OAuthError('temporarily_unavailable', detail, { status: problem.status, retryAfter, cause });
}
