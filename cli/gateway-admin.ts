import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { ProblemBody } from '../contracts/problem-codes.js';
import { StartupError } from '../kit/startup-error.js';
import { adminConnection, type Connection } from './gateway-address.js';
import { terminal } from './terminal.js';

/** What {@link withGatewayAdmin} adds to a command. */
export interface GatewayAdminOptions {
  admin?: string;
  pki?: string;
}

const TIMEOUT_MS = 10_000;

/** The option of all commands that ask a running gateway. */
export function withGatewayAdmin(command: Command): Command {
  return command
    .option(
      '--admin <address>',
      "the gateway's admin listener: http://…, https://… or unix: and a path (default: ADMIN_URL, or http://127.0.0.1 with ADMIN_PORT or 9901)",
    )
    .option(
      '--pki <dir>',
      'for https: folder with ca.pem, operator.pem and operator-key.pem (default: PKI_DIR, or that of `gatehouse start`)',
    );
}

/**
 * One call to the admin listener of a running gateway. Rejects with StartupError, one line, when it does not answer or
 * refuses; a status in `reports` is an answer like any other.
 */
export async function askGateway<T>(
  options: GatewayAdminOptions,
  method: 'GET' | 'POST',
  path: string,
  body?: object,
  reports: readonly number[] = [],
): Promise<T> {
  const { env } = terminal();
  const admin = options.admin ?? (env['ADMIN_URL'] || `http://127.0.0.1:${env['ADMIN_PORT'] || 9901}`);
  const connection = adminConnection(admin, options.pki);
  let answer: { status: number; content: string };
  try {
    answer = await send(connection, method, path, body);
  } catch (cause) {
    throw new StartupError(
      `the gateway's admin listener at ${admin} does not answer: ${whyNot(connection, cause)}`,
      {
        cause,
      },
    );
  }
  if (answer.status >= 400 && !reports.includes(answer.status)) throw refusal(admin, answer);
  return JSON.parse(answer.content) as T;
}

/** With the `admin.token` of the config, where the environment has it. */
export function adminAuthorization(): { authorization?: string } {
  const token = terminal().env['ADMIN_TOKEN'];
  return token === undefined || token === '' ? {} : { authorization: `Bearer ${token}` };
}

function send(
  connection: Connection,
  method: string,
  path: string,
  body: object | undefined,
): Promise<{ status: number; content: string }> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...adminAuthorization(),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    };
    const request = connection.protocol === 'https:' ? httpsRequest : httpRequest;
    const options = { ...connection, method, path, headers, timeout: TIMEOUT_MS, agent: false };
    const outgoing = request(options, (response) => {
      text(response).then((content) => resolve({ status: response.statusCode ?? 0, content }), reject);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')));
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** In an operator's words, where the machine's say less. */
function whyNot({ protocol }: Connection, cause: unknown): string {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  if (code === 'EACCES') return 'this user may not use the socket (EACCES): see admin.socket_mode';
  if (protocol === 'https:' && (/^ERR_SSL_.*ALERT/.test(code) || code === 'ECONNRESET'))
    return `it does not take the certificate of --pki, or asks for one (${code})`;
  return message || code;
}

function refusal(admin: string, { status, content }: { status: number; content: string }): StartupError {
  const what = `the admin listener at ${admin} answered ${status}`;
  try {
    const { code, detail } = JSON.parse(content) as ProblemBody;
    return new StartupError(`${what} ${code}: ${detail}`);
  } catch {
    return new StartupError(what);
  }
}
