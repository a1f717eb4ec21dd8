import type { Agent, Dispatcher } from 'undici';
import type { ConfigCode } from '../contracts/config-problems.js';
import type { Clock } from '../kit/clock.js';
import type { ConfigPath, ConfigProblem } from '../kit/config-file.js';
import { readTlsFiles, type TlsMaterial } from '../kit/tls-files.js';
import { parseJwks } from './adapters/parse-jwks.js';
import { connectRedis } from './adapters/redis-connection.js';
import { tryHandshake } from './adapters/try-handshake.js';
import { UpstreamConnections } from './adapters/upstream-connections.js';
import { createAgent, locateKeys, readCa } from './locate-keys.js';
import type { GatewayConfigFile } from './options.js';
import { upstreamSpec } from './reload/upstream-specs.js';
import { targetsOf } from './routing/schema/common.js';
import { targetsKey, weightedTargets } from './routing/schema/upstream.js';

/** One thing that a gateway with this config would go to. */
export interface OnlineVerdict {
  part: 'keys' | 'redis' | 'feed' | 'upstream';
  /** As config calls it. */
  name: string;
  /** Where it is. Never with a password. */
  target: string;
  ok: boolean;
  /** What was found, or why not. */
  detail: string;
}

export interface OnlineReport {
  verdicts: readonly OnlineVerdict[];
  /** Of those that are not well, with their places in the config. */
  errors: readonly ConfigProblem[];
}

export const ONLINE_TIMEOUT_MS = 5000;

interface Task extends Pick<OnlineVerdict, 'part' | 'name' | 'target'> {
  code: ConfigCode;
  path: ConfigPath;
  /** Resolves with what was found; rejects with the reason. */
  run(): Promise<string>;
}

/**
 * Goes once to everything that a gateway goes to, as a gateway does, all at the same time: the keys of each issuer, Redis,
 * and each target of each upstream and of the feed, by a handshake that sends nothing. Nothing takes longer than
 * `timeoutMs`.
 */
export async function checkOnline(
  options: GatewayConfigFile,
  { clock, timeoutMs = ONLINE_TIMEOUT_MS }: { clock: Clock; timeoutMs?: number },
): Promise<OnlineReport> {
  const { upstreams, internal_tls: internal } = options.value;
  const material = readTlsFiles(internal);
  const specs = Object.entries(upstreams).map(([name, upstream]) => [name, upstreamSpec(upstream)] as const);
  const connections = new UpstreamConnections(clock);
  connections.adopt(connections.prepare(Object.fromEntries(specs), material));
  const agents: Agent[] = [];
  const dispatcher = (ca: string | undefined): Dispatcher => {
    const agent = createAgent(ca === undefined ? undefined : readCa(ca));
    agents.push(agent);
    return agent;
  };
  const keys = Object.entries(options.value.issuers).map(([name, issuer]): Task => {
    const ofIssuer = issuer.upstream === undefined ? dispatcher(issuer.ca) : connections.agent;
    const { fetch, source } = locateKeys(issuer, ofIssuer, (upstream) => connections.originOf(upstream));
    return {
      ...{ part: 'keys', name, target: source, code: 'config_online_keys', path: ['issuers', name] },
      async run() {
        const abort = new AbortController();
        const cancel = clock.after(timeoutMs, () => abort.abort(new Error('no answer in time')));
        try {
          const { keys, ignored } = parseJwks(
            (await fetch(abort.signal)).body,
            issuer.algorithms ?? ['ES256'],
          );
          const left = ignored.length === 0 ? '' : `, ${ignored.length} ignored`;
          return `${keys.size} ${keys.size === 1 ? 'key' : 'keys'}${left}`;
        } finally {
          cancel();
        }
      },
    };
  });
  try {
    const tasks = [...keys, ...redisTask(options), ...handshakes(options, material, clock, timeoutMs)];
    const verdicts = await Promise.all(tasks.map(judge));
    const errors = tasks.flatMap(({ code, path, part, name, target }, index) => {
      const { ok = true, detail = '' } = verdicts[index] ?? {};
      return ok ? [] : [options.problem(path, code, `${part} ${name} at ${target}: ${detail}`)];
    });
    return { verdicts, errors };
  } finally {
    await Promise.all([connections.close(), ...agents.map((agent) => agent.destroy())]);
  }
}

async function judge({ part, name, target, run }: Task): Promise<OnlineVerdict> {
  try {
    return { part, name, target, ok: true, detail: await run() };
  } catch (error) {
    return { part, name, target, ok: false, detail: wordsOf(error) };
  }
}

function redisTask({ value }: GatewayConfigFile): Task[] {
  const { redis_url: url = '' } = value.revocation;
  if (url === '') return [];
  const { protocol, host } = new URL(url);
  return [
    {
      ...{ part: 'redis', name: 'revocation', target: `${protocol}//${host}` },
      ...{ code: 'config_online_redis', path: ['revocation', 'redis_url'] },
      async run() {
        const { redis, close } = await connectRedis(url);
        try {
          await redis.ping();
          return 'it answers';
        } finally {
          close();
        }
      },
    },
  ];
}

function handshakes(
  { value }: GatewayConfigFile,
  material: TlsMaterial,
  clock: Clock,
  timeoutMs: number,
): Task[] {
  const task = (
    part: 'feed' | 'upstream',
    name: string,
    path: ConfigPath,
    target: string,
    spiffeId: string,
    protocol?: 'http1' | 'http2',
  ): Task => ({
    ...{ part, name, target, code: 'config_online_upstream', path },
    async run() {
      await tryHandshake(new URL(target), { material, spiffeId, protocol, clock, timeoutMs });
      return spiffeId;
    },
  });
  const { feed_url: feed, feed_spiffe_id: feedId } = value.revocation;
  return [
    ...targetsOf(feed).map((target) =>
      task('feed', 'revocation', ['revocation', 'feed_url'], target, feedId),
    ),
    ...Object.entries(value.upstreams).flatMap(([name, upstream]) =>
      weightedTargets(upstream).map(({ url }) =>
        task(
          ...(['upstream', name, ['upstreams', name, targetsKey(upstream)], url] as const),
          ...([upstream.spiffe_id, upstream.protocol] as const),
        ),
      ),
    ),
  ];
}

/** The reason of a failed request is often one level down. */
function wordsOf(error: unknown): string {
  const { message, code, cause } = error as NodeJS.ErrnoException & { cause?: unknown };
  if (cause instanceof Error && (message === '' || message === 'fetch failed')) return wordsOf(cause);
  if (message === 'Connection is closed.') return 'no connection: nothing listens there, or it hangs up';
  return message === '' ? (code ?? 'unknown error') : message;
}
