import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import type {
  AdminAccessRequest,
  AdminResetLink,
  AdminUser,
  AdminUserCreated,
  AdminUserList,
  AdminUserRequest,
} from '../contracts/admin-users.js';
import type { LogoutResponse } from '../contracts/auth-api.js';
import { StartupError } from '../kit/startup-error.js';
import { type AdminOptions, openAdminClient, withAdminOptions } from './admin-client.js';
import { cell, PENDING_HELP, printAnswer, printEnding, table } from './print.js';
import { terminal } from './terminal.js';

interface CreateOptions extends AdminOptions {
  email: string;
  role: string[];
  scope: string[];
  passwordStdin?: boolean;
}

interface AccessOptions extends AdminOptions {
  role?: string[];
  scope?: string[];
}

const USER = 'its e-mail address or id';

/** `gatehouse users …`: accounts, over the auth service's admin API. */
export function addUsersCommand(program: Command): void {
  const users = program.command('users').description('accounts of the auth service');

  withAdminOptions(users.command('create'))
    .description('make an account; without a password, print the token of a one-time link to choose one')
    .requiredOption('--email <address>', 'what it logs in with')
    .option('--role <names...>', 'its roles', ['user'])
    .option('--scope <names...>', 'its scopes', [])
    .option('--password-stdin', 'read its password from standard input')
    .addHelpText(
      'after',
      '\nExamples:\n  gatehouse users create --email ann@example.com --scope orders:read' +
        '\n  gatehouse users create --email ann@example.com --password-stdin < password.txt',
    )
    .action(create);

  withAdminOptions(users.command('list'))
    .description('all accounts, in order of their addresses')
    .addHelpText('after', '\nExample:\n  gatehouse users list --json')
    .action(list);

  withAdminOptions(users.command('show'))
    .description('one account')
    .argument('<user>', USER)
    .addHelpText('after', '\nExample:\n  gatehouse users show ann@example.com')
    .action(async (user: string, options: AdminOptions) => {
      const { body } = await openAdminClient(options).call<{ user: AdminUser }>('GET', pathOf(user));
      printAnswer(options, body, ({ user: found }) => usersTable([found]));
    });

  withAdminOptions(users.command('disable'))
    .description('end every session of an account and let it log in no more')
    .argument('<user>', USER)
    .addHelpText('after', `\nExample:\n  gatehouse users disable ann@example.com\n${PENDING_HELP}`)
    .action(async (user: string, options: AdminOptions) => {
      const answer = await openAdminClient(options).call<LogoutResponse>('POST', `${pathOf(user)}/disable`);
      printEnding(options, answer.body, `${user} is disabled`);
    });

  withAdminOptions(users.command('enable'))
    .description('let an account log in again')
    .argument('<user>', USER)
    .addHelpText('after', '\nExample:\n  gatehouse users enable ann@example.com')
    .action(async (user: string, options: AdminOptions) => {
      const answer = await openAdminClient(options).call<object>('POST', `${pathOf(user)}/enable`);
      printAnswer(options, answer.body, () => `${user} can log in`);
    });

  withAdminOptions(users.command('set-roles'))
    .description('replace the roles, the scopes or both; in force at once, sessions go on')
    .argument('<user>', USER)
    .option('--role <names...>', 'its roles from now on')
    .option('--scope <names...>', 'its scopes from now on')
    .addHelpText(
      'after',
      `\nExample:\n  gatehouse users set-roles ann@example.com --role user admin\n${PENDING_HELP}`,
    )
    .action(setRoles);

  withAdminOptions(users.command('reset-password'))
    .description('print the token of a one-time link to a new password; an earlier one is no longer valid')
    .argument('<user>', USER)
    .addHelpText('after', '\nExample:\n  gatehouse users reset-password ann@example.com')
    .action(async (user: string, options: AdminOptions) => {
      const path = `${pathOf(user)}/password-reset`;
      const { body } = await openAdminClient(options).call<AdminResetLink>('POST', path);
      printAnswer(options, body, linkText);
    });
}

const pathOf = (user: string): string => `/users/${encodeURIComponent(user)}`;

async function create({ email, role, scope, passwordStdin, ...options }: CreateOptions): Promise<void> {
  const client = openAdminClient(options);
  const password = passwordStdin === true ? { password: await readPassword() } : {};
  const request: AdminUserRequest = { email, roles: role, scopes: scope, ...password };
  const { body } = await client.call<AdminUserCreated>('POST', '/users', request);
  printAnswer(options, body, ({ user, reset }) =>
    reset === undefined ? `${cell(user.email)} can log in` : linkText(reset),
  );
}

async function list(options: AdminOptions): Promise<void> {
  const client = openAdminClient(options);
  const users: AdminUser[] = [];
  let after: string | null = '';
  while (after !== null) {
    const path: string = after === '' ? '/users' : `/users?after=${encodeURIComponent(after)}`;
    const { body } = await client.call<AdminUserList>('GET', path);
    users.push(...body.users);
    after = body.next;
  }
  printAnswer(options, { users }, () => usersTable(users));
}

async function setRoles(user: string, { role, scope, ...options }: AccessOptions): Promise<void> {
  if (role === undefined && scope === undefined) throw new StartupError('give --role, --scope or both');
  const access: AdminAccessRequest = { ...(role && { roles: role }), ...(scope && { scopes: scope }) };
  const answer = await openAdminClient(options).call<LogoutResponse>('PUT', `${pathOf(user)}/access`, access);
  printEnding(options, answer.body, `${user} has its new roles and scopes`);
}

/** Not from an argument: those can be read by everybody on the machine, and stay in the shell's history. */
async function readPassword(): Promise<string> {
  if (terminal().stdin.isTTY) throw new StartupError('give the password on standard input: … < password.txt');
  return (await text(terminal().stdin)).replace(/\r?\n$/, '');
}

function usersTable(users: readonly AdminUser[]): string {
  return table(
    ['EMAIL', 'STATUS', 'ROLES', 'SCOPES', 'ID', 'CREATED'],
    users.map(({ email, status, roles, scopes, id, created_at }) => [
      email,
      status,
      roles.join(' '),
      scopes.join(' '),
      id,
      created_at,
    ]),
  );
}

const linkText = ({ token, expires_at }: AdminResetLink): string =>
  `${token}\nfor POST /auth/password/reset, once, until ${expires_at}`;
