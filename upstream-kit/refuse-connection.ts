import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ProblemCode, problemBody, problemSpec } from '../contracts/problem-codes.js';

const LINGER_MS = 1000;

/**
 * Answers a problem on a bare socket and ends the connection: for `upgrade` listeners, where there is no response
 * object. What the peer still sends is read and dropped, since closing on unread bytes would reset the connection and
 * lose the answer; within a second the socket is destroyed.
 */
export function refuseUpgrade(socket: Duplex, code: ProblemCode): void {
  lingerThenDestroy(socket);
  socket.resume();
  socket.end(problemResponse(code));
}

/** The same for a connection on which nothing has been read: answers whatever the first request is. */
export function refuseConnection(socket: Duplex, code: ProblemCode): void {
  lingerThenDestroy(socket);
  socket.once('data', () => socket.end(problemResponse(code)));
}

function lingerThenDestroy(socket: Duplex): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  socket.on('close', () => clearTimeout(timer));
  socket.on('error', () => socket.destroy());
}

function problemResponse(code: ProblemCode): string {
  const { status } = problemSpec(code);
  const body = JSON.stringify(problemBody(code, randomUUID()));
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    'connection: close',
    '',
    body,
  ].join('\r\n');
}
