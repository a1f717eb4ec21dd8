import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ProblemCode, problemBody, problemSpec } from '../../contracts/problem-codes.js';

const CODES: Readonly<Record<string, ProblemCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'body_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
  HPE_INVALID_METHOD: 'method_unknown',
};

/** Answers what Node's HTTP parser refused, as a problem like any other, and closes: framing is lost after it. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  endWithProblem(socket, CODES[error.code ?? ''] ?? 'request_invalid');
}

/** Writes a problem on a connection that no response object speaks for, and closes it. */
export function endWithProblem(socket: Duplex, code: ProblemCode, headers: readonly string[] = []): void {
  const { status, title } = problemSpec(code);
  const body = JSON.stringify(problemBody(code, randomUUID()));
  const lines = [
    `HTTP/1.1 ${status} ${title}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    'connection: close',
    ...headers,
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}
