// Fastify with its own plugins, put together as their READMEs say, with TLS verified.
import proxy from '@fastify/http-proxy';
import jwt from '@fastify/jwt';
import Fastify from 'fastify';
import { Agent } from 'undici';
import { readSettings } from './settings.mjs';

const { port, upstream, mtls, publicKeyPem, issuer, audience, revoked, front, accessLog } = readSettings();
const app = Fastify({ logger: accessLog, ...(front === undefined ? {} : { https: front }) });
await app.register(jwt, {
  secret: { public: publicKeyPem },
  verify: {
    algorithms: ['ES256'],
    allowedIss: issuer,
    allowedAud: audience,
    requiredClaims: ['iss', 'aud', 'exp'],
    cache: 20_000,
  },
});
await app.register(proxy, {
  upstream,
  undici: new Agent({ connect: mtls, connections: 64, pipelining: 1 }),
  async preHandler(request, reply) {
    const { jti } = await request.jwtVerify();
    if (revoked.has(jti)) await reply.code(401).send({ error: 'revoked' });
  },
  replyOptions: {
    rewriteRequestHeaders(request, { authorization: _, ...headers }) {
      return { ...headers, 'x-identity-subject': request.user.sub };
    },
  },
});
await app.listen({ port, host: '127.0.0.1' });
