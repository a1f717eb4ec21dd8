import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Problem } from '../../contracts/problem.js';
import { type ProblemCode, problemBody, problemSpec } from '../../contracts/problem-codes.js';

const CODES: Readonly<Record<string, ProblemCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'body_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
  HPE_INVALID_METHOD: 'method_unknown',
  HPE_INVALID_URL: 'path_invalid',
};

/** No answer would arrive; without a handshake it would wait for ever. */
const NOBODY_LISTENS = new Set(['ECONNRESET', 'ERR_TLS_HANDSHAKE_TIMEOUT']);

/** Told of each connection that is answered here: such a request never reaches the pipeline. */
export type RecordRefusal = (refused: { id: string; problem: Problem; socket: Duplex }) => void;

/**
 * Answers what Node's HTTP parser refused, as a problem like any other, and closes: framing is lost after it. Where a
 * response has begun, a second one would be taken for a part of it, or for the answer to another request.
 */
export function answerClientErrors(
  record: RecordRefusal,
): (error: NodeJS.ErrnoException, socket: Socket) => void {
  return (error, socket) => {
    // Node's own handler looks at this member, too; nothing public tells.
    const { _httpMessage: response } = socket as Socket & { _httpMessage?: ServerResponse | null };
    if (response?.headersSent === true) {
      if (response.writableEnded) socket.destroySoon();
      else socket.destroy();
      return;
    }
    if (NOBODY_LISTENS.has(error.code ?? '') || !socket.writable) {
      socket.destroy();
      return;
    }
    endWithProblem(socket, CODES[error.code ?? ''] ?? 'request_invalid', record);
  };
}

/** Writes a problem on a connection that no response object speaks for, and closes it. */
export function endWithProblem(
  socket: Duplex,
  code: ProblemCode,
  record: RecordRefusal,
  headers: readonly string[] = [],
): void {
  const { status, title } = problemSpec(code);
  const id = randomUUID();
  const body = JSON.stringify(problemBody(code, id));
  const lines = [
    `HTTP/1.1 ${status} ${title}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    'connection: close',
    ...headers,
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
  record({ id, problem: new Problem(code), socket });
}
