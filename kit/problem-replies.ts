import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem, problemHeaders } from '../contracts/problem.js';
import { type ProblemCode, problemBody } from '../contracts/problem-codes.js';

export interface ProblemReply {
  headers: Record<string, string>;
  /** Bytes: Fastify adds a charset to text, and JSON types have none (RFC 8259 section 11). */
  body: Buffer;
}

/** A problem as RFC 9457 `application/problem+json` with its headers. */
export function problemReply(problem: Problem, requestId: string): ProblemReply {
  return {
    headers: { ...problemHeaders(problem), 'content-type': 'application/problem+json' },
    body: Buffer.from(JSON.stringify(problemBody(problem.code, requestId))),
  };
}

export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  const { headers, body } = problemReply(problem, reply.request.id);
  return reply.code(problem.status).headers(headers).send(body);
}

/**
 * Makes every error and every unknown path of a Fastify server a problem reply. Only surprises are logged as errors,
 * with what `facts` says of the request: nothing by default, since a request's own logger names it.
 */
export function installProblemReplies(
  app: FastifyInstance,
  facts: (request: FastifyRequest) => object = () => ({}),
): void {
  app.setErrorHandler((error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply) => {
    const problem = asProblem(error);
    if (problem.status >= 500)
      request.log.error(
        { ...facts(request), err: problem.cause ?? error, code: problem.code },
        'request failed',
      );
    return sendProblem(reply, problem);
  });
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, new Problem('route_not_found')));
}

const FASTIFY_CODES: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'media_type_unsupported',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'json_invalid',
  FST_ERR_CTP_INVALID_JSON_BODY: 'json_invalid',
  FST_ERR_VALIDATION: 'json_invalid',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'request_invalid',
};

/** A Problem for any error that Fastify hands to its error handler. */
export function asProblem(error: FastifyError | Error): Problem {
  if (error instanceof Problem) return error;
  const { code, statusCode } = error as Partial<FastifyError>;
  const known = code === undefined ? undefined : FASTIFY_CODES[code];
  if (known !== undefined) return new Problem(known, { cause: error });
  const isClientError = statusCode !== undefined && statusCode >= 400 && statusCode < 500;
  return new Problem(isClientError ? 'request_invalid' : 'internal_error', { cause: error });
}
