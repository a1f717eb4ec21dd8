import type { Socket } from 'node:net';

/** Of no meaning: it keeps a stream from ending before it is read again. */
const NOT_YET_READ = Buffer.of(0);

/**
 * undici 7 mistakes how a response ends that is the last one on its connection. This is put right on the socket, before
 * undici gets it.
 */
export function readEndsRight(socket: Socket): void {
  tellResets(socket);
  holdEndBack(socket);
}

/**
 * It takes ECONNRESET for the end of a body that lasts as long as its connection, and half a body for a whole one
 * (RFC 9112 section 8). An error of another name it takes for an error.
 */
function tellResets(socket: Socket): void {
  socket.prependListener('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNRESET') error.code = 'ERR_UPSTREAM_RESET';
  });
}

/**
 * An end that comes while the reader of a body holds it up is an assertion that fails, and the end of the process
 * (nodejs/undici #5360, mended in version 8, which needs Node 22). undici holds up by `unshift`, of nothing as a rule, and
 * goes on by `read`: between the two there is something left to read, and the stream does not end.
 */
function holdEndBack(socket: Socket): void {
  const { read, unshift } = socket;
  let isHeldUp = false;
  socket.unshift = (chunk: Buffer) => {
    isHeldUp = chunk.length === 0 && !socket.destroyed && !socket.readableEnded;
    unshift.call(socket, isHeldUp ? NOT_YET_READ : chunk);
  };
  socket.read = (size) => {
    const chunk = read.call(socket, size) as Buffer | null;
    if (!isHeldUp || chunk === null) return chunk;
    isHeldUp = false;
    return chunk.length > 1 ? chunk.subarray(1) : null;
  };
}
