import { text } from 'node:stream/consumers';
import { type Command, InvalidArgumentError } from 'commander';
import type { AdminRevocationRequest, AdminRevocationResponse } from '../contracts/admin-revocations.js';
import { StartupError } from '../kit/startup-error.js';
import { parseDurationMs } from '../kit/units.js';
import { type AdminOptions, openAdminClient, withAdminOptions } from './admin-client.js';
import { EXIT_PENDING, printAnswer } from './print.js';
import { terminal } from './terminal.js';

interface RevokeOptions extends AdminOptions {
  iss?: string;
  /** Seconds. */
  lifetime?: number;
}

const PENDING_HELP = '\nExit code 3: revoked for good, but not every gateway knows yet.';

/** `gatehouse revoke …`: every kind of entry that the revocation list has. */
export function addRevokeCommand(program: Command): void {
  const revoke = program.command('revoke').description('revoke tokens at every gateway');

  command(revoke, 'token', 'one access token')
    .argument('[jti]', 'its id; left out with --token-stdin')
    .option('--token-stdin', 'read the token itself, one of ours, from standard input')
    .addHelpText('after', example('token --token-stdin < token.txt'))
    .action(token);

  command(revoke, 'session', 'a session with all its tokens, or an API key')
    .argument('<sid>', 'its id')
    .addHelpText('after', example('session 0b4e0c5e-7c1d-4f0e-9a41-0f6a2e6f7d10'))
    .action((sid: string, options: RevokeOptions) =>
      send({ kind: 'session', sid, ...common(options) }, options),
    );

  withAdminOptions(revoke.command('subject'))
    .description('everything that an account has going: its sessions and its tokens')
    .argument('<sub>', "the account's id (gatehouse users list)")
    .option('--min-version <n>', 'for an account that is no more: tokens of a version below', wholeNumber)
    .addHelpText('after', example('subject 0b4e0c5e-7c1d-4f0e-9a41-0f6a2e6f7d10'))
    .action((sub: string, { minVersion, ...options }: AdminOptions & { minVersion?: number }) =>
      send({ kind: 'subject', sub, ...(minVersion !== undefined && { ver: minVersion }) }, options),
    );

  command(revoke, 'key', 'a signing key with every token that it signed (ours: as `gatehouse keys revoke`)')
    .argument('<kid>', 'its key id')
    .addHelpText('after', example('key 2026-05-a --iss https://id.example.com'))
    .action((kid: string, options: RevokeOptions) => send({ kind: 'key', kid, ...common(options) }, options));

  command(revoke, 'not-before', 'tokens from before a time, and the sessions that began before it')
    .argument('[time]', 'ISO 8601, such as 2026-05-04T12:00:00Z (default: now)', time)
    .option('--client <id>', 'of this client only')
    .option('--sub <sub>', 'of this subject only')
    .addHelpText('after', example('not-before --client reporting'))
    .action(notBefore);
}

/** What all kinds share that may name tokens of another issuer. */
function command(revoke: Command, name: string, description: string): Command {
  return withAdminOptions(revoke.command(name))
    .description(description)
    .option('--iss <url>', 'issuer of the tokens (default: our own)')
    .option('--lifetime <duration>', 'how long such tokens may still be good (default: 30d)', lifetime);
}

const example = (args: string): string => `${PENDING_HELP}\n\nExample:\n  gatehouse revoke ${args}`;

async function token(
  jti: string | undefined,
  options: RevokeOptions & { tokenStdin?: boolean },
): Promise<void> {
  const { tokenStdin, ...rest } = options;
  if ((jti === undefined) === (tokenStdin !== true)) throw new StartupError('give a jti or --token-stdin');
  if (jti !== undefined) return send({ kind: 'token', jti, ...common(rest) }, rest);
  // Not from an argument: those can be read by everybody on the machine, and stay in the shell's history.
  if (terminal().stdin.isTTY) throw new StartupError('give the token on standard input: … < token.txt');
  return send({ kind: 'token', token: (await text(terminal().stdin)).trim() }, rest);
}

function notBefore(
  before: number | undefined,
  { client, sub, ...options }: RevokeOptions & { client?: string; sub?: string },
): Promise<void> {
  const scope = {
    ...(before !== undefined && { before }),
    ...(client !== undefined && { client }),
    ...(sub !== undefined && { sub }),
  };
  return send({ kind: 'not-before', ...scope, ...common(options) }, options);
}

function common({ iss, lifetime: lifetimeS }: RevokeOptions): { iss?: string; lifetime_s?: number } {
  return { ...(iss !== undefined && { iss }), ...(lifetimeS !== undefined && { lifetime_s: lifetimeS }) };
}

async function send(request: AdminRevocationRequest, options: AdminOptions): Promise<void> {
  const client = openAdminClient(options);
  const { body } = await client.call<AdminRevocationResponse>('POST', '/revocations', request);
  const isPending = 'pending' in body;
  printAnswer(options, body, () => (isPending ? 'revoked; not every gateway knows yet' : 'revoked'));
  if (isPending) terminal().exitCode = EXIT_PENDING;
}

function wholeNumber(value: string): number {
  if (!/^(0|[1-9][0-9]{0,9})$/.test(value)) throw new InvalidArgumentError('a whole number');
  return Number(value);
}

function lifetime(value: string): number {
  const ms = parseDurationMs(value);
  if (ms === undefined || ms < 1000) throw new InvalidArgumentError('a duration such as 24h or 30d');
  return Math.ceil(ms / 1000);
}

/** Unix seconds. */
function time(value: string): number {
  const ms = Date.parse(value);
  if (Number.isNaN(ms)) throw new InvalidArgumentError('a time such as 2026-05-04T12:00:00Z');
  return Math.floor(ms / 1000);
}
