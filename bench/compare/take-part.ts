import type { Peer } from './peer.js';
import { direct } from './peers/direct.js';
import { envoy } from './peers/envoy.js';
import { gatehouse } from './peers/gatehouse.js';
import { haproxy } from './peers/haproxy.js';
import { krakend } from './peers/krakend.js';
import { nginxBare, nginxNjs } from './peers/nginx.js';
import { bareNode, express, fastifyPlugins } from './peers/node-program.js';
import { oathkeeper } from './peers/oathkeeper.js';
import { traefik } from './peers/traefik.js';
import type { Scenario } from './scenarios.js';

/** Gatehouse, whoever else is chosen, and the floors, whether they are installed or not. */
export function allPeers(nodes: readonly string[], chosen: readonly string[], openPort: number): Peer[] {
  const others = [
    haproxy,
    envoy,
    nginxNjs,
    oathkeeper,
    krakend,
    traefik,
    ...nodes.flatMap((path) => [fastifyPlugins(path), express(path), bareNode(path)]),
    nginxBare,
    direct(openPort),
  ];
  const isChosen = ({ name }: Peer): boolean =>
    chosen.length === 0 || chosen.some((text) => name.includes(text));
  return [...nodes.map(gatehouse), ...others.filter(isChosen)];
}

/** Why a contender takes no part in a scenario; undefined where it does. */
export function whyNot(peer: Peer, scenario: Scenario): string | undefined {
  if (peer.floor === 'latency')
    return scenario.paced === true ? undefined : 'a floor for latencies, measured with the first scenario';
  if (peer.floor === 'no auth' && scenario.isAboutTokens === true)
    return 'a floor that looks at no token, measured where tokens make no difference';
  return scenario.http2 === true ? peer.http1Only : undefined;
}
