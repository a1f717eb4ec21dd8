import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { ProblemBody } from '../contracts/problem-codes.js';
import { StartupError } from '../kit/startup-error.js';

/** What {@link withGatewayAdmin} adds to a command. */
export interface GatewayAdminOptions {
  admin?: string;
}

const TIMEOUT_MS = 10_000;

/** The option of all commands that ask a running gateway. */
export function withGatewayAdmin(command: Command): Command {
  return command.option(
    '--admin <url>',
    "the gateway's admin listener (default: http://127.0.0.1 with ADMIN_PORT or 9901)",
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
  const admin = options.admin ?? `http://127.0.0.1:${process.env['ADMIN_PORT'] || 9901}`;
  if (!URL.canParse(admin) || new URL(admin).protocol !== 'http:')
    throw new StartupError(`${admin} is not an http:// URL`);
  let answer: { status: number; content: string };
  try {
    answer = await send(new URL(path, admin), method, body);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new StartupError(`the gateway's admin listener at ${admin} does not answer: ${message || code}`, {
      cause,
    });
  }
  if (answer.status >= 400 && !reports.includes(answer.status)) throw refusal(admin, answer);
  return JSON.parse(answer.content) as T;
}

/** With the `admin.token` of the config, where the environment has it. */
export function adminAuthorization(): { authorization?: string } {
  const token = process.env['ADMIN_TOKEN'];
  return token === undefined || token === '' ? {} : { authorization: `Bearer ${token}` };
}

function send(
  url: URL,
  method: string,
  body: object | undefined,
): Promise<{ status: number; content: string }> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...adminAuthorization(),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    };
    const outgoing = request(url, { method, headers, timeout: TIMEOUT_MS, agent: false }, (response) => {
      text(response).then((content) => resolve({ status: response.statusCode ?? 0, content }), reject);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')));
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
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
