import type { ConfigFile, ConfigPath, ConfigProblem } from '../../../kit/config-file.js';
import { isMetadataAddress } from '../../../kit/metadata-address.js';
import { targetsOf } from '../schema/common.js';
import type { GatewayConfig } from '../schema.js';

type Config = ConfigFile<GatewayConfig>;

export function checkUpstreams(config: Config): ConfigProblem[] {
  const { revocation, upstreams } = config.value;
  const internal = new Set(targetsOf(revocation.feed_url).map(hostOf));
  return [
    ...checkTargets(config, ['revocation', 'feed_url'], revocation.feed_url, new Set(), false),
    ...Object.entries(upstreams).flatMap(([name, { url, allow_link_local: isAllowed = false }]) =>
      checkTargets(config, ['upstreams', name, 'url'], url, internal, isAllowed),
    ),
  ];
}

function checkTargets(
  config: Config,
  path: ConfigPath,
  url: string | readonly string[],
  internal: ReadonlySet<string>,
  allowsLinkLocal: boolean,
): ConfigProblem[] {
  return targetsOf(url).flatMap((target) => {
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
