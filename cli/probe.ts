import { request as httpRequest } from 'node:http';
import { connect } from 'node:tls';
import { type Command, InvalidArgumentError } from 'commander';
import { internalClientTls, readTlsFiles } from '../kit/tls-files.js';
import { adminAuthorization } from './gateway-admin.js';

interface ProbeOptions {
  ca?: string;
  cert?: string;
  key?: string;
  spiffeId?: string;
  timeout: number;
}

/**
 * `gatehouse probe URL`: is that part up? For health checks of containers. An http URL has to answer 200; an https one
 * has to complete a TLS handshake as the named SPIFFE id: a part refuses every caller but the gateway, so that is all
 * that anybody else can see of it.
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
    .addHelpText('after', '\nExample:\n  gatehouse probe http://127.0.0.1:9901/ready')
    .action(async (url: string, options: ProbeOptions) => {
      try {
        const target = new URL(url);
        await (target.protocol === 'https:' ? probeTls(target, options) : probeHttp(target, options));
      } catch (error) {
        process.stderr.write(`gatehouse: ${url} is not up: ${(error as Error).message}\n`);
        process.exitCode = 1;
      }
    });
}

function milliseconds(text: string): number {
  if (!/^[1-9][0-9]{0,5}$/.test(text)) throw new InvalidArgumentError('a whole number of milliseconds');
  return Number(text);
}

function probeHttp(url: URL, { timeout }: ProbeOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { timeout, agent: false, headers: adminAuthorization() }, (response) => {
      response.resume();
      if (response.statusCode === 200) resolve();
      else reject(new Error(`it answered ${response.statusCode}`));
    });
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', reject);
    request.end();
  });
}

function probeTls(url: URL, { ca, cert, key, spiffeId, timeout }: ProbeOptions): Promise<void> {
  if (ca === undefined || cert === undefined || key === undefined || spiffeId === undefined) {
    throw new Error('an https address needs --ca, --cert, --key and --spiffe-id');
  }
  return new Promise((resolve, reject) => {
    const tls = internalClientTls(readTlsFiles({ ca, cert, key }), spiffeId);
    const socket = connect(
      { ...tls, host: url.hostname, port: Number(url.port || 443), servername: '' },
      () => {
        socket.destroy();
        resolve();
      },
    );
    socket.setTimeout(timeout, () => socket.destroy(new Error('no answer in time')));
    socket.on('error', reject);
  });
}
