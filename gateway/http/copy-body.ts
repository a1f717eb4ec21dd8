import type { ClientResponse } from './client-side.js';

/**
 * Listens in on a body of `bytes` on its way to somebody else, who alone says how fast it comes. `done` is called once:
 * with the whole of it, or with undefined when that has not come before the end of the response. Node tells a request
 * nothing any more once that has ended.
 */
export function copyBody(
  response: ClientResponse,
  bytes: number,
  done: (body: Buffer | undefined) => void,
): void {
  const { req } = response;
  // One block: a chunk may hold on to far more memory than it has bytes.
  const body = Buffer.allocUnsafeSlow(bytes);
  let length = 0;
  let isDone = false;
  const finish = (whole: Buffer | undefined): void => {
    if (isDone) return;
    isDone = true;
    req.off('data', onData);
    req.off('end', onEnd);
    done(whole);
  };
  const onData = (chunk: Buffer): void => {
    length += chunk.length;
    if (length > bytes) finish(undefined);
    else chunk.copy(body, length - chunk.length);
  };
  // Node ends a request whose rest it drops, too.
  const onEnd = (): void => finish(req.complete && length === bytes ? body : undefined);
  req.on('data', onData);
  req.on('end', onEnd);
  response.once('close', () => finish(undefined));
}
