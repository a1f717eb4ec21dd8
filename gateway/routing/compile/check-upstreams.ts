import type { ConfigFile, ConfigPath, ConfigProblem } from '../../../kit/config-file.js';
import { isMetadataAddress } from '../../../kit/metadata-address.js';
import { targetsOf } from '../schema/common.js';
import { targetsKey, weightedTargets } from '../schema/upstream.js';
import type { GatewayConfig, UpstreamConfig } from '../schema.js';
import { checkUpstreamBounds } from './check-upstream-bounds.js';

type Config = ConfigFile<GatewayConfig>;

export function checkUpstreams(config: Config): ConfigProblem[] {
  const { revocation, upstreams } = config.value;
  const internal = new Set(targetsOf(revocation.feed_url).map(hostOf));
  return [
    ...checkUrls(config, ['revocation', 'feed_url'], targetsOf(revocation.feed_url), new Set(), false),
    ...Object.entries(upstreams).flatMap(([name, upstream]) => [
      ...checkTargets(config, ['upstreams', name], upstream),
      ...checkUrls(
        config,
        ['upstreams', name, targetsKey(upstream)],
        weightedTargets(upstream).map(({ url }) => url),
        internal,
        upstream.allow_link_local ?? false,
      ),
      ...checkUpstreamBounds(config, ['upstreams', name], upstream),
    ]),
  ];
}

function checkTargets(config: Config, at: ConfigPath, upstream: UpstreamConfig): ConfigProblem[] {
  const problem = (path: ConfigPath, message: string): ConfigProblem[] => [
    config.problem(path, 'config_upstream_targets', message),
  ];
  const { url, targets } = upstream;
  if (url === undefined && targets === undefined)
    return problem(at, 'it goes nowhere: give it a url, or targets with weights');
  if (url !== undefined && targets !== undefined)
    return problem([...at, 'targets'], 'url and targets say the same thing: remove one of them');
  const all = weightedTargets(upstream);
  const twice = all.find(
    (one, index) => all.findIndex((other) => hostOf(other.url) === hostOf(one.url)) < index,
  );
  if (twice !== undefined)
    return problem([...at, targetsKey(upstream)], `${twice.url} stands there twice: give it one weight`);
  if (all.every(({ weight }) => weight === 0))
    return problem([...at, 'targets'], 'no target has a weight above 0, so none gets a request');
  return [];
}

function checkUrls(
  config: Config,
  path: ConfigPath,
  urls: readonly string[],
  internal: ReadonlySet<string>,
  allowsLinkLocal: boolean,
): ConfigProblem[] {
  return urls.flatMap((target) => {
    const parsed = URL.canParse(target) ? new URL(target) : undefined;
    if (parsed === undefined || parsed.href !== `${parsed.origin}/` || parsed.protocol !== 'https:') {
      const message = `"${target}" has to be https://host:port and nothing else`;
      return [config.problem(path, 'config_upstream_url', message)];
    }
    if (internal.has(parsed.host)) {
      const message =
        'this is the auth service\u2019s internal listener, which no route may reach: name its public one';
      return [config.problem(path, 'config_upstream_internal', message)];
    }
    if (allowsLinkLocal || !isMetadataAddress(parsed.hostname)) return [];
    const message =
      `${parsed.hostname} is where clouds hand out credentials, or link-local: name the service's own ` +
      'address; if it really is there, say allow_link_local: true on this upstream';
    return [config.problem(path, 'config_link_local', message)];
  });
}

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : url);
