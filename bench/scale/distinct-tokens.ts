import { measure } from '../compare/measure.js';
import type { Started } from '../compare/peer.js';
import { heapBytes } from './heap.js';

const MIB = 2 ** 20;
/** Requests between two looks at memory; their tokens are in the load's memory all at once. */
const BATCH = 50_000;
const BATCH_WITHIN_SECONDS = 300;
/** Must show 5: bytes that stay, by requests of the second half. */
const MOST_BYTES_PER_REQUEST = MIB / 1e6;

export interface TokenRun {
  requests: number;
  /** How many tokens there are; the requests take them in turn. As many as requests: each is new. */
  distinct: number;
  makeToken(): string;
  loadCpus: string;
}

interface Sample {
  requests: number;
  heap: number;
  resident: number;
}

/** Memory while tokens come that are not in the cache. Says how it goes; whether it stays level in the second half. */
export async function distinctTokens(
  gateway: Started & { adminPort: number; inspectPort: number },
  { requests, distinct, makeToken, loadCpus }: TokenRun,
): Promise<boolean> {
  const kept: string[][] = [];
  const samples: Sample[] = [];
  let mostCached = 0;
  for (let done = 0; done < requests; ) {
    const size = Math.min(BATCH, requests - done);
    const from = (done % distinct) / BATCH;
    const tokens = kept[from] ?? Array.from({ length: size }, makeToken);
    if (distinct < requests) kept[from] = tokens;
    const target = { url: `${gateway.origin}/api/orders`, tokens, once: true, status: 200 };
    const { cpuMicros } = await measure(target, gateway, BATCH_WITHIN_SECONDS, loadCpus);
    done += size;
    const cached = await metric(gateway.adminPort, 'gatehouse_verified_tokens_bytes');
    mostCached = Math.max(mostCached, cached);
    const sample = {
      requests: done,
      heap: await heapBytes(gateway.inspectPort),
      resident: gateway.residentBytes(),
    };
    samples.push(sample);
    process.stderr.write(
      `  ${done} requests: heap ${(sample.heap / MIB).toFixed(1)} MiB, resident ${(sample.resident / MIB).toFixed(0)} MiB, ` +
        `cache ${(cached / MIB).toFixed(1)} MiB, ${cpuMicros.toFixed(0)} µs\n`,
    );
  }
  const late = samples.filter((sample) => sample.requests > requests / 2);
  const [heap, resident] = [slope(late, ({ heap }) => heap), slope(late, ({ resident }) => resident)];
  const isLevel = heap < MOST_BYTES_PER_REQUEST;
  process.stdout.write(
    `${requests} requests with ${distinct} tokens: in the second half heap ${perMillion(heap)}, resident ${perMillion(resident)} ` +
      `a million requests; cache ${(mostCached / MIB).toFixed(1)} MiB at most: ${isLevel ? 'level' : 'GROWS'}\n`,
  );
  return isLevel;
}

const perMillion = (bytesPerRequest: number): string => `${((bytesPerRequest * 1e6) / MIB).toFixed(2)} MiB`;

/** Least squares: bytes by requests. */
function slope(samples: readonly Sample[], of: (sample: Sample) => number): number {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(samples.map(({ requests }) => requests)), mean(samples.map(of))];
  const products = samples.reduce((sum, each) => sum + (each.requests - x) * (of(each) - y), 0);
  const squares = samples.reduce((sum, each) => sum + (each.requests - x) ** 2, 0);
  return products / squares;
}

async function metric(adminPort: number, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
}
