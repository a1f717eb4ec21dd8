import { output } from './run-command.js';
import type { Saturation, Target } from './target.js';

const CONNECTIONS = 8;
const STREAMS = 8;

/** As much as the other side takes over HTTP/2. h2load shows one token: the first. Throws as `saturate` does. */
export async function saturateHttp2(
  { url, tokens, status }: Target,
  seconds: number,
  cpus: string,
): Promise<Saturation> {
  const args = ['-t1', `-c${CONNECTIONS}`, `-m${STREAMS}`, `-D${seconds}`];
  const header = ['-H', `authorization: Bearer ${tokens[0]}`];
  const text = await output('taskset', ['-c', cpus, 'h2load', ...args, ...header, url]);
  if (!/^Application protocol: h2$/m.test(text)) throw new Error(`${url} spoke no HTTP/2:\n${text}`);
  const broken = /^requests: .* (\d+) failed, (\d+) errored, (\d+) timeout/m.exec(text)?.slice(1).map(Number);
  const answers = /^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/m
    .exec(text)
    ?.slice(1)
    .map(Number);
  // Those of the whole run: "done" leaves out what was asked before its clock started.
  const requests = answers?.[Math.floor(status / 100) - 2] ?? 0;
  if (requests === 0 || total(answers) !== requests || total(broken) !== 0)
    throw new Error(`${url}: not all answers were ${status}:\n${text}`);
  return { requests, perSecond: requests / seconds };
}

const total = (counts: readonly number[] = [Number.NaN]): number =>
  counts.reduce((sum, count) => sum + count, 0);
