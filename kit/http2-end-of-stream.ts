import type { Http2Stream } from 'node:http2';

/**
 * Tells a message that ended from one that was broken off. Node ends the readable side for both: a RST_STREAM with
 * NO_ERROR, which a Node server sends for `destroy()`, looks to a reader like the end of the body (nodejs/node #35209,
 * #35302). They differ at one instant only: at the END_STREAM flag the stream is still open, at a reset it is closed.
 * To be called before anything of the body arrives. Returns whether END_STREAM has come.
 */
export function watchEndOfStream(stream: Http2Stream): () => boolean {
  let hasEnded = stream.readableEnded;
  const push = stream.push.bind(stream);
  stream.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
    if (chunk === null && !stream.closed && !stream.destroyed) hasEnded = true;
    return push(chunk, encoding);
  };
  return () => hasEnded;
}
