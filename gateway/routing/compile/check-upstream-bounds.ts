import type { ConfigFile, ConfigPath, ConfigProblem } from '../../../kit/config-file.js';
import { durationMs } from '../../../kit/units.js';
import type { GatewayConfig, RouteConfig, UpstreamConfig } from '../schema.js';
import { effectiveRoute } from './effective-route.js';

type Config = ConfigFile<GatewayConfig>;

/** Bounds of an upstream that are no bounds, or that contradict each other. */
export function checkUpstreamBounds(
  config: Config,
  at: ConfigPath,
  upstream: UpstreamConfig,
): ConfigProblem[] {
  const problem = (path: readonly string[], message: string): ConfigProblem[] => [
    config.problem([...at, ...path], 'config_upstream_bounds', message),
  ];
  const { connections = {}, health, concurrency } = upstream;
  const positive = ([path, text]: readonly [path: string[], text: string | undefined]): ConfigProblem[] =>
    text === undefined || durationMs(text) > 0
      ? []
      : problem(path, `${text} leaves no time at all: give it some, or remove it`);
  const outliers = upstream.outliers === false ? {} : (upstream.outliers ?? {});
  const durations = [
    [['dns_refresh'], upstream.dns_refresh],
    [['connections', 'idle'], connections.idle],
    [['connections', 'connect_timeout'], connections.connect_timeout],
    [['outliers', 'eject'], outliers.eject],
    [['health', 'interval'], health?.interval],
    [['health', 'timeout'], health?.timeout],
    [['circuit_breaker', 'open'], upstream.circuit_breaker?.open],
    [['concurrency', 'queue_timeout'], concurrency?.queue_timeout],
  ] as const;
  const problems = durations.flatMap(([path, text]) => positive([[...path], text]));
  const [interval, timeout] = [health?.interval ?? '5s', health?.timeout ?? '2s'];
  if (durationMs(timeout) > durationMs(interval))
    problems.push(
      ...problem(['health'], `a check may take ${timeout} and the next one comes after ${interval}`),
    );
  if ((connections.warm ?? 1) > (connections.max ?? 1024))
    problems.push(...problem(['connections', 'warm'], 'more connections to begin with than there may be'));
  if (concurrency?.queue_timeout !== undefined && (concurrency.queue ?? 0) === 0)
    problems.push(...problem(['concurrency', 'queue_timeout'], 'nothing waits without a queue: set one'));
  if (upstream.hash_on !== undefined && upstream.balance !== 'hash')
    problems.push(...problem(['hash_on'], 'it says nothing without balance: hash'));
  return problems;
}

/** Time-outs of which one makes the other pointless. */
export function checkTimeouts(config: Config, at: ConfigPath, route: RouteConfig): ConfigProblem[] {
  if (route.upstream === undefined) return [];
  const {
    timeout = '30s',
    try_timeout = '0s',
    total_timeout = '0s',
    retries = 1,
  } = effectiveRoute(route, config.value);
  const problem = (key: keyof RouteConfig, message: string): ConfigProblem[] => [
    config.problem(
      route[key] === undefined ? [...at, 'path'] : [...at, key],
      'config_route_timeouts',
      message,
    ),
  ];
  const [firstByteMs, tryMs, totalMs] = [timeout, try_timeout, total_timeout].map(durationMs) as [
    number,
    number,
    number,
  ];
  if (tryMs > 0 && retries === 0)
    return problem('try_timeout', 'no other target is tried with retries: 0, so try_timeout does nothing');
  if (tryMs > 0 && tryMs >= firstByteMs)
    return problem(
      'try_timeout',
      `after ${try_timeout} the timeout of ${timeout} leaves no time for another target`,
    );
  if (totalMs > 0 && route.timeout !== undefined && totalMs < firstByteMs)
    return problem(
      'total_timeout',
      `the total_timeout of ${total_timeout} ends before the timeout of ${timeout} ever could`,
    );
  return [];
}
