import type { Command } from 'commander';
import type { AdminApiKey, AdminApiKeyCreated, AdminNewApiKey } from '../contracts/admin-machines.js';
import type { LogoutResponse } from '../contracts/auth-api.js';
import { type AdminOptions, openAdminClient, withAdminOptions } from './admin-client.js';
import { wholeSeconds } from './option-values.js';
import { EXIT_PENDING, PENDING_HELP, printAnswer, printEnding, table } from './print.js';
import { terminal } from './terminal.js';

interface CreateOptions extends AdminOptions {
  service: string;
  scope?: string[];
  expiresIn?: number;
}

const ID = 'its id: the part of the key between gtk_ and the next _';

/** `gatehouse api-keys …`: keys for simple integrations, over the auth service's admin API. */
export function addApiKeysCommand(program: Command): void {
  const keys = program.command('api-keys').description('API keys for simple integrations');

  withAdminOptions(keys.command('create'))
    .description('make a key and print it, this once')
    .argument('<name>', 'what people know it by')
    .requiredOption('--service <name>', 'whom it stands for: the subject is svc:<name>')
    .option('--scope <names...>', 'what it may do')
    .option('--expires-in <duration>', 'when it ends by itself (default: never)', wholeSeconds)
    .addHelpText(
      'after',
      '\nExample:\n  gatehouse api-keys create "nightly export" --service export --scope orders:read --expires-in 90d',
    )
    .action(create);

  withAdminOptions(keys.command('list'))
    .description('all keys, the newest first; never the keys themselves')
    .addHelpText('after', '\nExample:\n  gatehouse api-keys list')
    .action(async (options: AdminOptions) => {
      const { body } = await openAdminClient(options).call<{ keys: AdminApiKey[] }>('GET', '/api-keys');
      printAnswer(options, body, ({ keys: found }) => keysTable(found));
    });

  withAdminOptions(keys.command('rotate'))
    .description('print a key that takes over; the old one ends after the overlap')
    .argument('<id>', ID)
    .requiredOption('--overlap <duration>', 'to 30d; with 0s it ends now, at every gateway', wholeSeconds)
    .addHelpText(
      'after',
      `\nExample:\n  gatehouse api-keys rotate 0123456789abcdef0123 --overlap 24h\n${PENDING_HELP}`,
    )
    .action(async (id: string, { overlap, ...options }: AdminOptions & { overlap: number }) => {
      const path = `${pathOf(id)}/rotate`;
      const { body } = await openAdminClient(options).call<AdminApiKeyCreated>('POST', path, { overlap });
      printAnswer(options, body, ({ api_key }) => api_key);
      if ('pending' in body) terminal().exitCode = EXIT_PENDING;
    });

  withAdminOptions(keys.command('revoke'))
    .description('end a key now, at every gateway')
    .argument('<id>', ID)
    .addHelpText('after', `\nExample:\n  gatehouse api-keys revoke 0123456789abcdef0123\n${PENDING_HELP}`)
    .action(async (id: string, options: AdminOptions) => {
      const answer = await openAdminClient(options).call<LogoutResponse>('POST', `${pathOf(id)}/revoke`);
      printEnding(options, answer.body, `${id} is revoked`);
    });
}

const pathOf = (id: string): string => `/api-keys/${encodeURIComponent(id)}`;

async function create(name: string, { service, scope, expiresIn, ...options }: CreateOptions): Promise<void> {
  const request: AdminNewApiKey = {
    name,
    service,
    ...(scope && { scopes: scope }),
    ...(expiresIn !== undefined && { expires_in: expiresIn }),
  };
  const { body } = await openAdminClient(options).call<AdminApiKeyCreated>('POST', '/api-keys', request);
  printAnswer(options, body, ({ api_key }) => api_key);
}

function keysTable(keys: readonly AdminApiKey[]): string {
  return table(
    ['ID', 'NAME', 'STATUS', 'SERVICE', 'SCOPES', 'EXPIRES', 'LAST USED', 'REPLACED BY', 'CREATED'],
    keys.map((key) => [
      key.id,
      key.name,
      key.status,
      key.service,
      key.scopes.join(' '),
      key.expires_at,
      key.last_used_at,
      key.replaced_by,
      key.created_at,
    ]),
  );
}
