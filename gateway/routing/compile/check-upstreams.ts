import type { ConfigFile, ConfigPath, ConfigProblem } from '../../../kit/config-file.js';
import { targetsOf } from '../schema/common.js';
import type { GatewayConfig } from '../schema.js';

export function checkUpstreams(config: ConfigFile<GatewayConfig>): ConfigProblem[] {
  const internal = targetsOf(config.value.revocation.feed_url).map(hostOf);
  const problems: ConfigProblem[] = [];
  for (const [name, upstream] of Object.entries(config.value.upstreams)) {
    for (const url of targetsOf(upstream.url)) {
      const path: ConfigPath = ['upstreams', name, 'url'];
      const parsed = URL.canParse(url) ? new URL(url) : undefined;
      if (parsed === undefined || parsed.pathname !== '/' || parsed.search !== '' || parsed.username !== '') {
        const message = `"${url}" has to be https://host:port and nothing else`;
        problems.push(config.problem(path, 'config_upstream_url', message));
      } else if (internal.includes(parsed.host)) {
        const message =
          'this is the auth service\u2019s internal listener, which no route may reach: name its public one';
        problems.push(config.problem(path, 'config_upstream_internal', message));
      }
    }
  }
  return problems;
}

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : url);
