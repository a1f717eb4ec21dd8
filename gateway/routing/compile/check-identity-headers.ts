import type { ConfigFile, ConfigPath, ConfigProblem } from '../../../kit/config-file.js';
import type { GatewayConfig } from '../schema.js';
import { apiKeyHeader } from './credentials.js';
import { isTakenHeader } from './taken-headers.js';

/** Custom identity headers become reserved on every route, so their names must not be anybody else's. */
export function checkIdentityHeaders(config: ConfigFile<GatewayConfig>): ConfigProblem[] {
  const { upstreams, routes, auth } = config.value;
  const keyHeaders = new Set(Object.values(auth).flatMap((profile) => apiKeyHeader(profile) ?? []));
  const owners: [ConfigPath, Record<string, unknown> | undefined][] = [
    ...Object.entries(upstreams).map(
      ([name, upstream]): [ConfigPath, Record<string, unknown> | undefined] => [
        ['upstreams', name, 'identity_headers'],
        upstream.identity_headers,
      ],
    ),
    ...routes.map((route, index): [ConfigPath, Record<string, unknown> | undefined] => [
      ['routes', index, 'identity_headers'],
      route.identity_headers,
    ]),
  ];
  return owners.flatMap(([at, headers = {}]) => {
    const seen = new Set<string>();
    return Object.keys(headers).flatMap((written) => {
      const name = written.toLowerCase();
      const isTwice = seen.has(name);
      seen.add(name);
      if (isTwice)
        return [
          config.problem([...at, written], 'config_header_name', `${written} is there twice: keep one`),
        ];
      if (!isTakenHeader(name) && !keyHeaders.has(name)) return [];
      const message = `${written} has a meaning of its own: choose another name, such as X-User-Id`;
      return [config.problem([...at, written], 'config_header_name', message)];
    });
  });
}
