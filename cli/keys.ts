import type { Command } from 'commander';
import type {
  AdminKey,
  AdminKeyRevoked,
  AdminKeys,
  AdminKeysRotated,
  AdminRewrapped,
} from '../contracts/admin-keys.js';
import { StartupError } from '../kit/startup-error.js';
import { type AdminClient, type AdminOptions, openAdminClient, withAdminOptions } from './admin-client.js';
import { EXIT_PENDING, printAnswer, table } from './print.js';
import { terminal } from './terminal.js';

/** `gatehouse keys …`: the signing keys, over the auth service's admin API. */
export function addKeysCommand(program: Command): void {
  const keys = program.command('keys').description("the auth service's signing keys");

  withAdminOptions(keys.command('list'))
    .description('the keys that are published')
    .option('--all', 'those that are gone as well')
    .addHelpText('after', '\nExample:\n  gatehouse keys list')
    .action(list);

  withAdminOptions(keys.command('rotate'))
    .description(
      'let the next key sign from now on; the one that signed stays published until its tokens have expired',
    )
    .addHelpText(
      'after',
      '\nKeys rotate by themselves (keys.rotate_every). Refused while there may be a cache that has not seen the next key.' +
        '\n\nExample:\n  gatehouse keys rotate',
    )
    .action(async (options: AdminOptions) => {
      const { body } = await openAdminClient(options).call<AdminKeysRotated>('POST', '/keys/rotate');
      printAnswer(
        options,
        body,
        ({ active, retiring, next }) => `${active} signs, ${retiring} retires, ${next} is next`,
      );
    });

  withAdminOptions(keys.command('revoke'))
    .description(
      'withdraw a key at once, with every token that it signed: for a key that may have been stolen',
    )
    .argument('<kid>', 'its key id')
    .addHelpText(
      'after',
      '\nExit code 3: revoked for good, but not every gateway knows yet.' +
        '\n\nExample:\n  gatehouse keys revoke SIlTg4oOUmpOPvgBZUsHcVoDBqGTtRwZbMfyHVIRpSY',
    )
    .action(revoke);

  withAdminOptions(keys.command('rewrap'))
    .description('bring everything at rest under the first key-encryption key of the config')
    .addHelpText(
      'after',
      '\nFor taking a key-encryption key out of use. In small batches beside the ordinary work; may be stopped and run again.' +
        '\nExit code 1 when something is left that no configured key opens.' +
        '\n\nExample:\n  gatehouse keys rewrap',
    )
    .action(rewrap);
}

async function list({ all, ...options }: AdminOptions & { all?: boolean }): Promise<void> {
  const { body } = await openAdminClient(options).call<AdminKeys>('GET', '/keys');
  const keys = body.keys.filter(({ state }) => all === true || state !== 'gone');
  printAnswer(options, { keys }, () => keysTable(keys));
}

async function revoke(kid: string, options: AdminOptions): Promise<void> {
  const path = `/keys/${encodeURIComponent(kid)}/revoke`;
  const { body } = await openAdminClient(options).call<AdminKeyRevoked>('POST', path);
  const isPending = 'pending' in body;
  printAnswer(
    options,
    body,
    ({ active }) => `${kid} is revoked, ${active} signs${isPending ? '; not every gateway knows yet' : ''}`,
  );
  if (isPending) terminal().exitCode = EXIT_PENDING;
}

/** Sessions that are in use are passed over, so the work is gone through again until nothing is left to do. */
const MAX_PASSES = 5;

async function rewrap(options: AdminOptions): Promise<void> {
  const client = openAdminClient(options);
  const total = { signing_keys: 0, sessions: 0, unreadable: 0, remaining: 0 };
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const done = await rewrapOnce(client);
    total.signing_keys += done.signing_keys;
    total.sessions += done.sessions;
    total.unreadable = done.unreadable;
    total.remaining = done.remaining ?? 0;
    if (total.remaining <= total.unreadable) break;
  }
  printAnswer(
    options,
    total,
    ({ signing_keys, sessions, remaining }) =>
      `re-wrapped ${signing_keys} signing keys and ${sessions} sessions; ${remaining} sessions left`,
  );
  if (total.unreadable > 0) {
    throw new StartupError(
      `${total.unreadable} secrets are sealed with a key-encryption key that keys.encryption_keys does not list`,
    );
  }
  if (total.remaining > 0) throw new StartupError('some sessions were in use all the time: run it again');
}

async function rewrapOnce(client: AdminClient): Promise<AdminRewrapped> {
  const total: AdminRewrapped = { signing_keys: 0, sessions: 0, unreadable: 0, after: null, remaining: null };
  do {
    const { body } = await client.call<AdminRewrapped>(
      'POST',
      '/keys/rewrap',
      total.after === null ? {} : { after: total.after },
    );
    total.signing_keys += body.signing_keys;
    total.sessions += body.sessions;
    total.unreadable += body.unreadable;
    total.after = body.after;
    total.remaining = body.remaining;
  } while (total.after !== null);
  return total;
}

function keysTable(keys: readonly AdminKey[]): string {
  return table(
    ['KID', 'ALG', 'STATE', 'CREATED', 'ACTIVE SINCE', 'USABLE FROM', 'TOKENS UNTIL', 'KEK'],
    keys.map((key) => [
      key.kid,
      key.algorithm,
      key.state,
      key.created_at,
      key.activated_at,
      key.usable_from,
      key.tokens_expire_at,
      key.kek_version,
    ]),
  );
}
