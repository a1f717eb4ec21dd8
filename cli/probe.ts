import { request as httpRequest } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { connect } from 'node:tls';
import { type Command, InvalidArgumentError } from 'commander';
import { type InternalClientTls, internalClientTls, readTlsFiles } from '../kit/tls-files.js';
import { adminAuthorization } from './gateway-admin.js';
import { terminal } from './terminal.js';

interface ProbeOptions {
  ca?: string;
  cert?: string;
  key?: string;
  spiffeId?: string;
  timeout: number;
}

/**
 * `gatehouse probe URL`: is that part up? For health checks of containers. An http URL has to answer 200, one behind a
 * Unix socket too; an https one has to complete a TLS handshake as the named SPIFFE id, and to answer 200 where the URL
 * has a path: a part refuses every caller but the gateway, so the handshake is all that anybody else can see of it.
 */
export function addProbeCommand(program: Command): void {
  program
    .command('probe <url>')
    .description('exit 0 when the part at this address is up, 1 when not')
    .option('--ca <file>', 'CA to verify an https address against')
    .option('--cert <file>', 'certificate to show there')
    .option('--key <file>', 'its key')
    .option('--spiffe-id <id>', 'who has to answer there')
    .option('--timeout <ms>', 'give up after this', milliseconds, 2000)
    .addHelpText(
      'after',
      '\nExamples:\n  gatehouse probe http://127.0.0.1:9901/ready\n  gatehouse probe unix:/run/gatehouse/admin.sock:/ready',
    )
    .action(async (url: string, options: ProbeOptions) => {
      try {
        await probe(url, options);
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        terminal().writeError(`gatehouse: ${url} is not up: ${message || code}\n`);
        terminal().exitCode = 1;
      }
    });
}

function milliseconds(text: string): number {
  if (!/^[1-9][0-9]{0,5}$/.test(text)) throw new InvalidArgumentError('a whole number of milliseconds');
  return Number(text);
}

function probe(address: string, options: ProbeOptions): Promise<void> {
  const [, socketPath, path] = /^unix:(.+?):(\/.*)$/.exec(address) ?? [];
  if (socketPath !== undefined && path !== undefined)
    return ask(httpRequest, { socketPath, path, host: 'localhost' }, options);
  const { protocol, hostname, port, pathname, search } = new URL(address);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const target = { host, path: pathname + search, ...(port === '' ? {} : { port: Number(port) }) };
  if (protocol === 'http:') return ask(httpRequest, target, options);
  if (protocol !== 'https:') throw new Error('it is no http, https or unix address');
  const tls = tlsOf(options);
  return pathname === '/'
    ? shakeHands({ ...tls, host, port: target.port ?? 443 }, options)
    : ask(httpsRequest, { ...tls, servername: '', ...target }, options);
}

function ask(
  request: typeof httpRequest | typeof httpsRequest,
  target: RequestOptions,
  { timeout }: ProbeOptions,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = { ...target, timeout, agent: false, headers: adminAuthorization() };
    const outgoing = request(options, (response) => {
      response.resume();
      if (response.statusCode === 200) resolve();
      else reject(new Error(`it answered ${response.statusCode}`));
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')));
    outgoing.on('error', reject);
    outgoing.end();
  });
}

function tlsOf({ ca, cert, key, spiffeId }: ProbeOptions): InternalClientTls {
  if (ca === undefined || cert === undefined || key === undefined || spiffeId === undefined)
    throw new Error('an https address needs --ca, --cert, --key and --spiffe-id');
  return internalClientTls(readTlsFiles({ ca, cert, key }), spiffeId);
}

function shakeHands(
  target: InternalClientTls & { host: string; port: number },
  { timeout }: ProbeOptions,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...target, servername: '' }, () => {
      socket.destroy();
      resolve();
    });
    socket.setTimeout(timeout, () => socket.destroy(new Error('no answer in time')));
    socket.on('error', reject);
  });
}
