import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { createLogger } from '../kit/logger.js';
import { StartupError } from '../kit/startup-error.js';

interface AddAccountOptions {
  config: string;
  email: string;
  role: string[];
  scope: string[];
}

const ANY_FREE_PORT = { host: '127.0.0.1', port: 0 };

/** `gatehouse account add`: the first accounts of an installation. */
export function addAccountCommand(program: Command): void {
  program
    .command('account')
    .description('accounts of the auth service')
    .command('add')
    .description('make an account; the password is read from standard input. One that exists stays as it is')
    .requiredOption('--config <file>', 'auth.yaml')
    .requiredOption('--email <address>', 'what it logs in with')
    .option('--role <names...>', 'its roles', ['user'])
    .option('--scope <names...>', 'its scopes', [])
    .addHelpText(
      'after',
      '\nExample:\n  gatehouse account add --config config/auth.yaml --email ann@example.com --scope orders:read < password.txt',
    )
    .action(addAccount);
}

async function addAccount({ config, email, role, scope }: AddAccountOptions): Promise<void> {
  if (!/^[^\s@]+@[^\s@]+$/.test(email)) throw new StartupError(`--email ${email} is not an e-mail address`);
  const password = await readPassword();
  const { loadAuthConfig, startAuthService } = await import('../auth-service/index.js');
  const auth = await startAuthService(
    {
      ...loadAuthConfig(config, process.env),
      listen: ANY_FREE_PORT,
      internal: ANY_FREE_PORT,
      redis: undefined, // nothing is revoked here
    },
    { logger: createLogger('gatehouse', { level: 'silent' }) },
  );
  try {
    await auth.ensureAccount({ email, password, roles: role, scopes: scope });
  } finally {
    await auth.stop();
  }
  process.stdout.write(`${email} can log in\n`);
}

/** Not from an argument: those can be read by everybody on the machine, and stay in the shell's history. */
async function readPassword(): Promise<string> {
  if (process.stdin.isTTY) throw new StartupError('give the password on standard input: … < password.txt');
  const password = (await text(process.stdin)).replace(/\r?\n$/, '');
  if (password.length < 12 || password.length > 128) {
    throw new StartupError(`a password has 12 to 128 characters; this one has ${password.length}`);
  }
  return password;
}
