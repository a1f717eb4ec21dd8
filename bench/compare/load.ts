import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { saturateHttp2 } from './load-http2.js';
import { output } from './run-command.js';
import type { Saturation, Target } from './target.js';

const CONNECTIONS = 32;

/** One request, so that a contender that is set up wrongly is told with its own words and not as a number. */
export async function tryOut({ url, tokens, status, http2 = false }: Target): Promise<void> {
  const header = `authorization: Bearer ${tokens[0]}`;
  const out = await output('curl', [
    '-sk',
    http2 ? '--http2' : '--http1.1',
    '-H',
    header,
    '-w',
    '\\n%{http_code}',
    '--max-time',
    '5',
    url,
  ]);
  if (!out.endsWith(`\n${status}`)) throw new Error(`${url} should answer ${status}:\n${out.slice(-1000)}`);
}

/** As much as the other side takes, over kept-alive connections. Throws when an answer is another than expected. */
export async function saturate(target: Target, seconds: number, cpus: string): Promise<Saturation> {
  if (target.http2 === true) return saturateHttp2(target, seconds, cpus);
  const dir = mkdtempSync(join(tmpdir(), 'bench-load-'));
  try {
    const script = join(dir, 'load.lua');
    writeFileSync(join(dir, 'tokens'), target.tokens.join('\n'));
    writeFileSync(script, lua(join(dir, 'tokens'), target));
    const args = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--timeout', '20s', '-s', script, target.url];
    const out = await output('taskset', ['-c', cpus, 'wrk', ...args]);
    const [requests, micros, others, broken] = (/^RESULT (.*)$/m.exec(out)?.[1] ?? '').split(' ').map(Number);
    if (requests === undefined || micros === undefined) throw new Error(`wrk said nothing of use:\n${out}`);
    if (requests === 0) throw new Error('it answered nothing');
    if (others !== 0 || broken !== 0)
      throw new Error(`${target.url}: ${others} answers were not ${target.status}, ${broken} failed`);
    return { requests, perSecond: requests / (micros / 1e6) };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/**
 * wrk makes a request out of what `request` returns; made in advance, it costs the load's processor next to nothing.
 * Answers are looked at only when one is expected that wrk counts as an error: a Lua call for each is dear.
 */
function lua(tokensFile: string, { status, once: isOnce = false }: Target): string {
  const isError = status >= 400;
  return `
local requests, at = {}, 0
thread = nil
others = 0
function setup(t) thread = t end
function init(args)
  for token in io.lines('${tokensFile}') do
    requests[#requests + 1] = wrk.format('GET', nil, { ['Authorization'] = 'Bearer ' .. token })
  end
end
function request()
  at = at + 1
  if at > #requests then
    ${isOnce ? 'wrk.thread:stop()' : ''}
    at = 1
  end
  return requests[at]
end
${isError ? `function response(status) if status ~= ${status} then others = others + 1 end end` : ''}
function done(summary, latency)
  local e = summary.errors
  local others = ${isError ? "thread:get('others')" : 'e.status'}
  print(string.format('RESULT %d %d %d %d', summary.requests, summary.duration, others, e.connect + e.read + e.write + e.timeout))
end
`;
}

export interface Latency {
  p50Ms: number;
  p99Ms: number;
}

/** A fixed number of requests a second over eight connections, whatever the other side takes. */
export async function paced(
  { url, tokens }: Target,
  perSecond: number,
  seconds: number,
  cpus: string,
): Promise<Latency> {
  const dir = mkdtempSync(join(tmpdir(), 'bench-pace-'));
  const log = join(dir, 'log');
  const clients = 8;
  const rate = Math.max(1, Math.round(perSecond / clients));
  try {
    const args = ['--h1', '-t1', `-c${clients}`, `--rps=${rate}`, `-D${seconds}`, `--log-file=${log}`];
    const header = ['-H', `authorization: Bearer ${tokens[0]}`];
    await output('taskset', ['-c', cpus, 'h2load', ...args, ...header, url]);
    // start (µs since 1970), status, duration (µs)
    const durations = readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => Number(line.split('\t')[2]))
      .sort((a, b) => a - b);
    const at = (share: number): number =>
      (durations[Math.floor(durations.length * share)] ?? Number.NaN) / 1000;
    return { p50Ms: at(0.5), p99Ms: at(0.99) };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
