import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
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
  const code = CODES[error.code ?? ''] ?? 'request_invalid';
  const { status, title } = problemSpec(code);
  const body = JSON.stringify(problemBody(code, randomUUID()));
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
      `cache-control: no-store\r\nconnection: close\r\n\r\n${body}`,
  );
}
