import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../../test/fixtures/free-port.js';
import { originOf, type Peer } from '../peer.js';
import { startPinned, versionOf } from '../processes.js';
import { AUDIENCE, folder, ISSUER } from '../world.js';

type About = Pick<Peer, 'remark' | 'floor' | 'http1Only'>;

/** One of `programs/`, run by this Node; its settings are a file of JSON. */
function nodeProgram(title: string, file: string, node: string, about: About): Peer {
  const version = versionOf(node) ?? '';
  const name = `${title} (Node ${version.slice(1).split('.')[0]})`;
  return {
    name,
    ...about,
    version: () => versionOf(node),
    async start({ world, upstreamPort, variant, cpus }) {
      const port = await freePort();
      const settings = join(folder(world, name), 'settings.json');
      const { pki, publicKeyPem, revoked } = world;
      writeFileSync(
        settings,
        JSON.stringify({
          port,
          upstreamPort,
          pki,
          publicKeyPem,
          revoked,
          issuer: ISSUER,
          audience: AUDIENCE,
          ...variant,
        }),
      );
      const program = fileURLToPath(new URL(`../programs/${file}`, import.meta.url));
      const env = { NODE_ENV: 'production' };
      const running = await startPinned({ command: node, args: [program, settings], port, cpus, env });
      return { ...running, origin: originOf(port, variant) };
    },
  };
}

export const express = (node: string): Peer =>
  nodeProgram('Express + express-jwt + http-proxy-middleware', 'express.mjs', node, {
    http1Only: 'Express speaks no HTTP/2',
  });

export const fastifyPlugins = (node: string): Peer =>
  nodeProgram('Fastify + @fastify/jwt + @fastify/http-proxy', 'fastify.mjs', node, {
    remark: 'its own cache of tokens is on',
    http1Only: 'set up as its README says, which is for HTTP/1.1',
  });

export const bareNode = (node: string): Peer =>
  nodeProgram('node:http + undici, no auth', 'bare.mjs', node, {
    remark: 'floor: no check at all',
    floor: 'no auth',
    http1Only: 'hands on what only HTTP/1.1 has',
  });
