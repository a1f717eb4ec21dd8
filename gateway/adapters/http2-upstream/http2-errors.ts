import { constants } from 'node:http2';
import { errors } from 'undici';
import { Problem } from '../../../contracts/problem.js';

/** Nothing of the request was processed, by the upstream's own word or because it was never sent (RFC 9113 section 8.7). */
export class UnprocessedError extends Error {
  override readonly name = 'UnprocessedError';
  /** As undici has it. Its own class cannot be extended: `instanceof` would be true of every one of its errors. */
  readonly code = 'UND_ERR_SOCKET';
}

/** How a stream ended that did not end well. */
export interface StreamEnd {
  rstCode: number;
  /** Node's own word on it, if any. */
  cause: Error | undefined;
  wasUnprocessed: boolean;
  isAnswered: boolean;
}

/** What is wrong with an answer itself: malformed (RFC 9113 section 8.1.1), or headers beyond every bound. */
const INVALID = new Set<number>([constants.NGHTTP2_PROTOCOL_ERROR, constants.NGHTTP2_ENHANCE_YOUR_CALM]);
/** The other side speaks no HTTP/2 that can be read. */
const UNREADABLE = 'ERR_HTTP2_ERROR';

/** The error by which undici would call it, so that retries, ejection and problem codes are the same for both protocols. */
export function streamError({ rstCode, cause, wasUnprocessed, isAnswered }: StreamEnd): Error {
  if (wasUnprocessed) return new UnprocessedError('the upstream did not take the request');
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ETIMEDOUT') return cause as Error;
  if (code === UNREADABLE || (!isAnswered && INVALID.has(rstCode)))
    return new errors.HTTPParserError('the upstream did not answer in valid HTTP/2');
  return new errors.SocketError(`the upstream reset the stream (${rstCode})`);
}

/** A connection that could not be made: what TLS said, or that the other side does not speak HTTP/2. Never HTTP/1.1 instead. */
export function handshakeError(cause: Error): Error {
  const { code = '' } = cause as NodeJS.ErrnoException;
  return code.endsWith('_ALERT_NO_APPLICATION_PROTOCOL') ? withoutHttp2(cause) : cause;
}

export const withoutHttp2 = (cause?: Error): Problem =>
  new Problem('upstream_response_invalid', { reason: 'upstream.protocol', cause });

/** Node's words for a session on which no stream can be opened any more. */
const NO_MORE_STREAMS = new Set([
  'ERR_HTTP2_GOAWAY_SESSION',
  'ERR_HTTP2_INVALID_SESSION',
  'ERR_HTTP2_OUT_OF_STREAMS',
]);

/** Why `session.request` threw: the connection is leaving, or HTTP/2 has no way to say the request. */
export function requestError(cause: unknown): Error {
  const { code = '' } = cause as NodeJS.ErrnoException;
  return NO_MORE_STREAMS.has(code)
    ? new UnprocessedError('the connection takes no further requests')
    : new Problem('request_invalid', { cause });
}
