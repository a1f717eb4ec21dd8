// The stack that tutorials show, as people write it.
import http from 'node:http';
import https from 'node:https';
import express from 'express';
import { expressjwt } from 'express-jwt';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { readSettings } from './settings.mjs';

const { port, upstream, mtls, publicKeyPem, issuer, audience, revoked, front } = readSettings();
const app = express();
app.use(
  expressjwt({
    secret: publicKeyPem,
    algorithms: ['ES256'],
    issuer,
    audience,
    isRevoked: async (_request, token) => revoked.has(token.payload.jti),
  }),
);
app.use(
  createProxyMiddleware({
    target: upstream,
    agent: new https.Agent({ ...mtls, keepAlive: true, maxSockets: 64 }),
    secure: true,
    on: {
      proxyReq(outgoing, request) {
        outgoing.removeHeader('authorization');
        outgoing.setHeader('x-identity-subject', request.auth.sub);
      },
    },
  }),
);
app.use((error, _request, response, _next) =>
  response.status(error.status ?? 500).json({ error: error.code }),
);
const server = front === undefined ? http.createServer(app) : https.createServer(front, app);
server.listen(port, '127.0.0.1');
