import type { ConfigFile, ConfigPath, ConfigProblem } from '../../../kit/config-file.js';
import { HEADER_VALUE } from '../schema/header-rules.js';
import type { GatewayConfig } from '../schema.js';
import { reservedHeaders } from './identity-layouts.js';

type Config = ConfigFile<GatewayConfig>;

interface Rules {
  set?: Record<string, string>;
  remove?: readonly string[];
}

/** Of one connection, of the body's framing, or the gateway's own word. */
const OWN =
  'connection|keep-alive|te|trailer|transfer-encoding|content-length|upgrade|expect|x-request-id|(?:proxy|sec-websocket|x-identity)-.*';
const OWN_IN_REQUESTS = new RegExp(
  `^(?:${OWN}|host|forwarded|via|x-real-ip|x-forwarded-.*|client-cert.*|x-original-url|x-rewrite-url|x-http-method.*|x-method-override)$`,
);
/** `Vary` tells caches what an answer hangs on, and `Date` when it was made: neither is for config to say. */
const OWN_IN_RESPONSES = new RegExp(`^(?:${OWN}|date|vary|access-control-.*)$`);
const VALUE = new RegExp(HEADER_VALUE);

/** Header rules wherever they can stand. */
export function checkHeaderRules(config: Config): ConfigProblem[] {
  const { defaults = {}, routes } = config.value;
  const reserved = reservedHeaders(config.value);
  const owners: [
    ConfigPath,
    Pick<GatewayConfig['routes'][number], 'request_headers' | 'response_headers' | 'reply'>,
  ][] = [
    [['defaults'], defaults],
    ...routes.map((route, index): (typeof owners)[number] => [['routes', index], route]),
  ];
  const isRequestOwn = (name: string): boolean => OWN_IN_REQUESTS.test(name) || reserved.has(name);
  const isResponseOwn = (name: string): boolean => OWN_IN_RESPONSES.test(name) || reserved.has(name);
  return owners.flatMap(([at, { request_headers: asked = {}, response_headers: answered = {}, reply }]) => [
    ...checkRules(config, [...at, 'request_headers'], asked, isRequestOwn),
    ...checkRules(config, [...at, 'response_headers'], answered, isResponseOwn),
    ...checkNames(config, [...at, 'reply', 'headers'], Object.keys(reply?.headers ?? {}), isResponseOwn),
  ]);
}

function checkRules(
  config: Config,
  at: ConfigPath,
  { set = {}, remove = [] }: Rules,
  isOwn: (name: string) => boolean,
): ConfigProblem[] {
  const names = new Set(Object.keys(set).map((name) => name.toLowerCase()));
  return [
    ...checkNames(config, [...at, 'set'], Object.keys(set), isOwn),
    ...checkNames(config, [...at, 'remove'], remove, isOwn),
    ...Object.entries(set).flatMap(([name, value]) => {
      if (VALUE.test(value)) return [];
      const message = `the value of ${name} has to be visible ASCII text in one line, and not empty`;
      return [config.problem([...at, 'set', name], 'config_header_rule', message)];
    }),
    ...remove.flatMap((name, index) => {
      if (!names.has(name.toLowerCase())) return [];
      const message = `${name} is set as well, which takes the place of what was sent: keep one`;
      return [config.problem([...at, 'remove', index], 'config_header_rule', message)];
    }),
  ];
}

function checkNames(
  config: Config,
  at: ConfigPath,
  written: readonly string[],
  isOwn: (name: string) => boolean,
): ConfigProblem[] {
  const names = written.map((name) => name.toLowerCase());
  return written.flatMap((name, index) => {
    const place = [...at, at.at(-1) === 'remove' ? index : name];
    const problem = (message: string) => [config.problem(place, 'config_header_rule', message)];
    if (names.indexOf(names[index] ?? '') !== index) return problem(`${name} is there twice: keep one`);
    if (isOwn(names[index] ?? ''))
      return problem(`${name} is not for routes to set or remove: ${whose(name)}`);
    return [];
  });
}

function whose(name: string): string {
  if (/^access-control-/i.test(name)) return 'use cors';
  if (/^(?:x-identity|client-cert)/i.test(name)) return 'it is the gateway\u2019s word on the caller';
  return 'the gateway writes it, or it belongs to the connection';
}
