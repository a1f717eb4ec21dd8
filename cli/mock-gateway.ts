import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import type { FastifyHttpProxyOptions } from '@fastify/http-proxy';
import { type Command, InvalidArgumentError } from 'commander';
import type { AssumedCaller } from '../contracts/admin-explain.js';
import { IDENTITY_PREFIX, type Identity, identityHeaderObject } from '../contracts/identity-headers.js';
import { runProcess } from '../kit/run-process.js';
import { readTlsFiles } from '../kit/tls-files.js';
import { parseAssumedCaller } from './assumed-caller.js';
import { operatorFolder } from './gateway-address.js';
import { terminal } from './terminal.js';

interface MockGatewayOptions {
  upstream: URL;
  as?: AssumedCaller;
  port: number;
  pki?: string;
}

/** `gatehouse mock-gateway`: one caller of one's choosing for a service on a laptop. */
export function addMockGatewayCommand(program: Command): void {
  program
    .command('mock-gateway')
    .description(
      'stands in for the gateway before a service on this machine: every request is from one caller',
    )
    .requiredOption(
      '--upstream <url>',
      'the service: http://localhost:3000, or https with mutual TLS',
      address,
    )
    .option(
      '--as <caller>',
      'subject:scopes::roles; without it nobody, as on a public route',
      parseAssumedCaller,
    )
    .option('--port <port>', 'of 127.0.0.1', portNumber, 8080)
    .option('--pki <dir>', 'for an https service: folder with ca.pem, gateway.pem and gateway-key.pem')
    .addHelpText(
      'after',
      '\nNothing is verified and nobody is refused: for development, on loopback only.' +
        '\n\nExample:\n  gatehouse mock-gateway --upstream http://localhost:3000 --as alice:orders:read',
    )
    .action((options: MockGatewayOptions) => runProcess(() => startMockGateway(options)));
}

/** Resolves when it listens. Writes where, and as whom it calls. */
export async function startMockGateway({ upstream, as, port, pki }: MockGatewayOptions) {
  const [{ default: fastify }, { default: httpProxy }] = await Promise.all([
    import('fastify'),
    import('@fastify/http-proxy'),
  ]);
  const identity = identityOf(as);
  const headers = identityHeaderObject(identity);
  const tls = upstream.protocol === 'https:' ? gatewayTls(operatorFolder(pki)) : undefined;
  const app = fastify({ bodyLimit: Number.MAX_SAFE_INTEGER, forceCloseConnections: true });
  const asGateway = (sent: IncomingHttpHeaders): IncomingHttpHeaders => ({
    ...Object.fromEntries(Object.entries(sent).filter(([name]) => !isReserved(name))),
    ...headers,
  });
  await app.register(httpProxy, {
    upstream: upstream.origin,
    websocket: true,
    undici: tls === undefined ? {} : { connect: tls },
    replyOptions: { rewriteRequestHeaders: (_request, sent) => asGateway(sent as IncomingHttpHeaders) },
    // Typed for what browsers could set.
    wsClientOptions: {
      ...tls,
      rewriteRequestHeaders: (sent: IncomingHttpHeaders) => asGateway(sent),
    } as unknown as FastifyHttpProxyOptions['wsClientOptions'] & object,
  });
  const url = await app.listen({ host: '127.0.0.1', port });
  const who = identity.subject ?? 'nobody';
  terminal().write(`${url} calls ${upstream.origin} as ${who}; nothing is verified here\n`);
  return { url, stop: () => app.close() };
}

function identityOf(as: AssumedCaller | undefined): Identity {
  if (as === undefined) return { kind: 'anonymous', scopes: [], roles: [] };
  const { subject, scopes = [], roles = [] } = as;
  return { kind: subject.startsWith('svc:') ? 'service' : 'user', subject, scopes, roles };
}

/** As the gateway's, and whoever answers has a certificate of the CA; which one is for the real gateway to ask. */
const gatewayTls = (dir: string) => ({
  ...readTlsFiles({
    ca: join(dir, 'ca.pem'),
    cert: join(dir, 'gateway.pem'),
    key: join(dir, 'gateway-key.pem'),
  }),
  minVersion: 'TLSv1.3' as const,
  checkServerIdentity: () => undefined,
});

/** What a client may not say, and the credential that a service does not get to see. */
const isReserved = (name: string): boolean => name.startsWith(IDENTITY_PREFIX) || name === 'authorization';

function address(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new InvalidArgumentError('such as http://localhost:3000');
  return url;
}

function portNumber(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError('a port');
  return Number(text);
}
