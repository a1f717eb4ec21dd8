import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { ProblemBody } from '../contracts/problem-codes.js';
import { AUTH_SERVICE_SPIFFE_ID } from '../contracts/spiffe.js';
import { INTERNAL } from '../contracts/well-known.js';
import { StartupError } from '../kit/startup-error.js';
import { type InternalClientTls, internalClientTls, readTlsFiles } from '../kit/tls-files.js';
import { operatorFolder } from './gateway-address.js';
import { terminal } from './terminal.js';

/** What {@link withAdminOptions} adds to a command. */
export interface AdminOptions {
  url?: string;
  pki?: string;
  json?: boolean;
}

export interface AdminAnswer<T> {
  status: number;
  body: T;
}

export interface AdminClient {
  /**
   * One call; `path` is relative to the admin API. Rejects with StartupError, one line, when the service cannot be
   * reached, is not what it should be, or refuses (any status from 400 up).
   */
  call<T>(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: object,
  ): Promise<AdminAnswer<T>>;
}

interface RawAnswer {
  status: number;
  content: string;
  /** Seconds. */
  retryAfter: string | undefined;
}

const TIMEOUT_MS = 15_000;
const DEFAULT_DATA_DIR = '.gatehouse';
/** Errors before anything was sent: the next instance may be asked. */
const NOT_CONNECTED = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN']);

/** The options that all commands of the admin API share. */
export function withAdminOptions(command: Command): Command {
  return command
    .option(
      '--url <url>',
      "the auth service's internal listener (default: AUTH_INTERNAL_URL, or where `gatehouse start` runs)",
    )
    .option(
      '--pki <dir>',
      'folder with ca.pem, operator.pem and operator-key.pem (default: PKI_DIR, or its own)',
    )
    .option('--json', 'print the answer as JSON');
}

/** Talks to the admin API over mTLS as the operator. Throws StartupError when the certificates cannot be read. */
export function openAdminClient(options: AdminOptions, env: NodeJS.ProcessEnv = terminal().env): AdminClient {
  const dataDir = env['GATEHOUSE_DATA'] || DEFAULT_DATA_DIR;
  const pki = operatorFolder(options.pki, env);
  const urls = options.url ?? (env['AUTH_INTERNAL_URL'] || readRunningUrl(dataDir));
  const origins = urls.split(',').map((url) => originOf(url.trim()));
  const material = readTlsFiles({
    ca: join(pki, 'ca.pem'),
    cert: join(pki, 'operator.pem'),
    key: join(pki, 'operator-key.pem'),
  });
  const tls = internalClientTls(material, AUTH_SERVICE_SPIFFE_ID);
  return {
    async call<T>(method: string, path: string, body?: object) {
      const answer = await send(tls, origins, method, INTERNAL.adminPrefix + path, body);
      const { status, content } = answer;
      if (status >= 400) throw refusal(answer);
      return { status, body: (content === '' ? undefined : JSON.parse(content)) as T };
    },
  };
}

/** `gatehouse start` takes any free port for the internal listener, and writes down which. */
function readRunningUrl(dataDir: string): string {
  const path = join(dataDir, 'run', 'auth-internal-url');
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new StartupError(
      `where is the auth service? Give --url, set AUTH_INTERNAL_URL, or set GATEHOUSE_DATA to the data folder of a running \`gatehouse start\` (there is no ${path})`,
      { cause },
    );
  }
}

function originOf(url: string): string {
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:')
    throw new StartupError(`${url} is not an https:// URL`);
  return new URL(url).origin;
}

/** Asks the instances in turn until one can be connected to. */
async function send(
  tls: InternalClientTls,
  origins: readonly string[],
  method: string,
  path: string,
  body: object | undefined,
): Promise<RawAnswer> {
  let failure: NodeJS.ErrnoException | undefined;
  for (const origin of origins) {
    try {
      return await sendTo(tls, origin + path, method, body);
    } catch (error) {
      failure = error as NodeJS.ErrnoException;
      if (!NOT_CONNECTED.has(failure.code ?? '')) break;
    }
  }
  throw new StartupError(
    `the auth service at ${origins.join(', ')} does not answer: ${failure?.message || failure?.code}`,
    {
      cause: failure,
    },
  );
}

function sendTo(
  tls: InternalClientTls,
  url: string,
  method: string,
  body: object | undefined,
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    // No SNI: the peer is told by its SPIFFE id, and an address is no server name (RFC 6066 section 3).
    const outgoing = request(url, {
      ...tls,
      servername: '',
      agent: false,
      method,
      headers: type,
      timeout: TIMEOUT_MS,
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')));
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      const { statusCode: status = 0, headers } = response;
      text(response).then(
        (content) => resolve({ status, content, retryAfter: headers['retry-after'] }),
        reject,
      );
    });
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function refusal({ status, content, retryAfter }: RawAnswer): StartupError {
  const again = retryAfter === undefined ? '' : ` Try again in ${retryAfter} s.`;
  try {
    const { detail, code, request_id } = JSON.parse(content) as ProblemBody;
    return new StartupError(`refused: ${detail}${again} (${status} ${code}, request ${request_id})`);
  } catch {
    return new StartupError(`refused with status ${status}`);
  }
}
