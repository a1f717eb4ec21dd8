import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import type {
  AdminClient,
  AdminClientCreated,
  AdminClientRotated,
  AdminClientRotation,
  AdminNewClient,
  AdminNewCredential,
} from '../contracts/admin-machines.js';
import type { LogoutResponse } from '../contracts/auth-api.js';
import { StartupError } from '../kit/startup-error.js';
import { type AdminOptions, openAdminClient, withAdminOptions } from './admin-client.js';
import { wholeSeconds } from './option-values.js';
import { EXIT_PENDING, PENDING_HELP, printAnswer, printEnding, table } from './print.js';
import { terminal } from './terminal.js';

interface CredentialOptions extends AdminOptions {
  key?: string;
  certificateName?: string;
}

interface CreateOptions extends CredentialOptions {
  service?: string;
  grant?: AdminClient['grants'];
  scope?: string[];
  audience?: string[];
  tokenTtl?: number;
  dpop?: boolean;
}

/** `gatehouse clients …`: OAuth clients, over the auth service's admin API. */
export function addClientsCommand(program: Command): void {
  const clients = program
    .command('clients')
    .description('OAuth clients: services, and applications with a server');

  withCredential(clients.command('create'))
    .description('make a client; without --key or --certificate-name, print its secret, this once')
    .argument('<id>', 'its client_id')
    .option('--service <name>', 'the service that it is: `sub` of its tokens is svc:<name> (default: its id)')
    .addOption(
      new Option('--grant <names...>', 'what it may do').choices(['client_credentials', 'refresh_token']),
    )
    .option('--scope <names...>', 'what it may ask for')
    .option('--audience <uris...>', 'what it may name as resource; the first is its default')
    .option(
      '--token-ttl <duration>',
      "how long its own tokens live, to 30d (default: as everybody's)",
      wholeSeconds,
    )
    .option('--dpop', 'it gets no token without a DPoP proof')
    .addHelpText(
      'after',
      '\nExamples:\n  gatehouse clients create orders --scope orders:read --token-ttl 1h' +
        '\n  gatehouse clients create billing --key billing-public.pem' +
        '\n  gatehouse clients create shipping --certificate-name URI:spiffe://example.com/shipping',
    )
    .action(create);

  withAdminOptions(clients.command('list'))
    .description('all clients with their live credentials')
    .addHelpText('after', '\nExample:\n  gatehouse clients list --json')
    .action(async (options: AdminOptions) => {
      const { body } = await openAdminClient(options).call<{ clients: AdminClient[] }>('GET', '/clients');
      printAnswer(options, body, ({ clients: found }) => clientsTable(found));
    });

  withCredential(clients.command('rotate'))
    .description('give a client another credential of its kind; the ones that it had end after the overlap')
    .argument('<id>', 'its client_id')
    .requiredOption(
      '--overlap <duration>',
      'to 30d; with 0s they end now, and so do their tokens',
      wholeSeconds,
    )
    .addHelpText('after', `\nExample:\n  gatehouse clients rotate orders --overlap 24h\n${PENDING_HELP}`)
    .action(rotate);

  withAdminOptions(clients.command('disable'))
    .description('end a client for good, with its tokens and those of the people whom it logged in')
    .argument('<id>', 'its client_id')
    .addHelpText('after', `\nExample:\n  gatehouse clients disable orders\n${PENDING_HELP}`)
    .action(async (id: string, options: AdminOptions) => {
      const answer = await openAdminClient(options).call<LogoutResponse>('POST', `${pathOf(id)}/disable`);
      printEnding(options, answer.body, `${id} is disabled`);
    });
}

function withCredential(command: Command): Command {
  return withAdminOptions(command)
    .addOption(
      new Option('--key <file>', 'for private_key_jwt: its public key, as PEM or JWK').conflicts(
        'certificateName',
      ),
    )
    .option('--certificate-name <name>', 'for tls_client_auth: URI:… or DNS:…, a name in its certificate');
}

const pathOf = (id: string): string => `/clients/${encodeURIComponent(id)}`;

async function create(id: string, { tokenTtl, dpop, ...options }: CreateOptions): Promise<void> {
  const credential = credentialOf(options);
  const { service, grant, scope, audience } = options;
  const request: AdminNewClient = {
    client_id: id,
    auth_method: methodOf(credential),
    ...credential,
    ...(service !== undefined && { service }),
    ...(grant && { grants: grant }),
    ...(scope && { scopes: scope }),
    ...(audience && { audiences: audience }),
    ...(tokenTtl !== undefined && { token_ttl: tokenTtl }),
    ...(dpop === true && { dpop_bound_access_tokens: true }),
  };
  const { body } = await openAdminClient(options).call<AdminClientCreated>('POST', '/clients', request);
  printAnswer(options, body, ({ client_secret }) => client_secret ?? `${id} can get tokens`);
}

async function rotate(id: string, options: CredentialOptions & { overlap: number }): Promise<void> {
  const request: AdminClientRotation = { overlap: options.overlap, ...credentialOf(options) };
  const { body } = await openAdminClient(options).call<AdminClientRotated>(
    'POST',
    `${pathOf(id)}/rotate`,
    request,
  );
  // The secret alone on standard output, so that it can be piped to where it belongs.
  printAnswer(options, body, ({ client_secret }) => client_secret ?? `${id} has its new credential`);
  if ('pending' in body) terminal().exitCode = EXIT_PENDING;
}

function methodOf({ jwk, certificate_name }: AdminNewCredential): AdminClient['auth_method'] {
  if (jwk !== undefined) return 'private_key_jwt';
  return certificate_name === undefined ? 'client_secret' : 'tls_client_auth';
}

function credentialOf({ key, certificateName }: CredentialOptions): AdminNewCredential {
  if (key !== undefined) return { jwk: readPublicKey(key) };
  return certificateName === undefined ? {} : { certificate_name: certificateName };
}

/** Never sends a private key anywhere: of a file that holds one, its public half goes out. */
function readPublicKey(file: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new StartupError(`cannot read ${file}: ${(cause as NodeJS.ErrnoException).code}`, { cause });
  }
  try {
    const key = text.trimStart().startsWith('{')
      ? createPublicKey({ key: JSON.parse(text) as Record<string, unknown>, format: 'jwk' })
      : createPublicKey(text);
    return key.export({ format: 'jwk' }) as Record<string, unknown>;
  } catch {
    // Without the cause: it may quote the file, which may hold a private key.
    throw new StartupError(`${file} holds no key, as PEM or JWK`);
  }
}

function clientsTable(clients: readonly AdminClient[]): string {
  return table(
    ['CLIENT', 'STATUS', 'SERVICE', 'METHOD', 'GRANTS', 'SCOPES', 'CREDENTIALS', 'CREATED'],
    clients.map((client) => [
      client.client_id,
      client.status,
      client.service,
      client.auth_method,
      client.grants.join(' '),
      client.scopes.join(' '),
      client.credentials
        .map(({ id, expires_at }) => (expires_at === null ? id : `${id} until ${expires_at}`))
        .join(', '),
      client.created_at,
    ]),
  );
}
