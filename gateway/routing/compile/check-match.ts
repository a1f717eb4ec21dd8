import type { ConfigFile, ConfigPath, ConfigProblem } from '../../../kit/config-file.js';
import { wildcardOf } from '../../pipeline/ports.js';
import type { GatewayConfig, RouteConfig } from '../schema.js';
import { apiKeyHeader } from './credentials.js';
import { reservedHeaders } from './identity-layouts.js';
import { hostsOf } from './route-conditions.js';

type Config = ConfigFile<GatewayConfig>;

/** Hosts, headers and query that a route goes by: each has to be one that some request can have. */
export function checkMatch(config: Config): ConfigProblem[] {
  const unroutable = unroutableHeaders(config.value);
  return [
    ...(config.value.listen.hosts ?? []).flatMap((host, index) =>
      checkHost(config, ['listen', 'hosts', index], host),
    ),
    ...config.value.routes.flatMap((route, index) => [
      ...checkHosts(config, ['routes', index, 'hosts'], route),
      ...checkHeaders(config, ['routes', index, 'headers'], route, unroutable),
    ]),
  ];
}

const HOST = /^(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$|^\[[0-9a-f:.]+\]$/i;

function checkHost(config: Config, at: ConfigPath, host: string): ConfigProblem[] {
  if (HOST.test(host)) return [];
  const message = `"${host}" is no host name: write api.example.com or *.example.com, without scheme, port or path`;
  return [config.problem(at, 'config_host', message)];
}

function checkHosts(config: Config, at: ConfigPath, route: RouteConfig): ConfigProblem[] {
  const served = config.value.listen.hosts?.map((host) => host.toLowerCase());
  const hosts = hostsOf(route);
  return hosts.flatMap((host, index) => {
    const invalid = checkHost(config, [...at, index], host);
    if (invalid.length > 0) return invalid;
    if (hosts.indexOf(host) !== index)
      return [config.problem([...at, index], 'config_host', `"${host}" is there twice: keep one`)];
    if (served === undefined || served.some((name) => meet(name, host))) return [];
    const message = `listen.hosts does not serve "${host}", so the route would get no request: add it there`;
    return [config.problem([...at, index], 'config_host_unserved', message)];
  });
}

/** Whether one name can stand for both. */
const meet = (a: string, b: string): boolean => a === b || a === wildcardOf(b) || b === wildcardOf(a);

/**
 * Headers that are gone or rewritten before a route is looked for, that belong to the connection, or that hold
 * credentials: none of them may say where a request goes.
 */
const UNROUTABLE =
  /^(?:host|connection|keep-alive|te|trailer|transfer-encoding|content-length|upgrade|expect|authorization|cookie|dpop|forwarded|via|x-real-ip|x-request-id|x-original-url|x-rewrite-url|x-http-method.*|x-method-override|client-cert.*|(?:proxy|x-forwarded|x-identity|sec-websocket)-.*)$/;

function unroutableHeaders(config: GatewayConfig): (name: string) => boolean {
  const named = new Set([
    ...reservedHeaders(config),
    ...Object.values(config.auth).flatMap((profile) => apiKeyHeader(profile) ?? []),
  ]);
  return (name) => UNROUTABLE.test(name) || named.has(name);
}

function checkHeaders(
  config: Config,
  at: ConfigPath,
  { headers = {} }: RouteConfig,
  unroutable: (name: string) => boolean,
): ConfigProblem[] {
  const names = Object.keys(headers).map((written) => written.toLowerCase());
  return Object.keys(headers).flatMap((written, index) => {
    const name = written.toLowerCase();
    const problem = (message: string) => [config.problem([...at, written], 'config_match_header', message)];
    if (names.indexOf(name) !== index) return problem(`${written} is there twice: keep one`);
    if (!unroutable(name)) return [];
    const remedy = name === 'host' ? 'use hosts' : 'use a header of your own, or the query';
    return problem(`${written} is not for routing: ${remedy}`);
  });
}
