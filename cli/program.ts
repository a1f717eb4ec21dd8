import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { runAuthService } from '../auth-service/index.js';
import { runEmbedded } from '../embedded/index.js';
import { runGateway } from '../gateway/index.js';
import { packageRoot } from '../kit/package-root.js';
import { runUpstreamStubs, STUB_NAMES, type StubName } from '../upstream-stubs/index.js';
import { addAccountCommand } from './account.js';
import { addPkiCommand } from './pki.js';
import { addProbeCommand } from './probe.js';

/** The `gatehouse` command. Exit codes: 0 done, 1 something to put right (one line says what), 2 wrong usage. */
export function createProgram(): Command {
  const program = new Command('gatehouse')
    .description('One public door for an API.')
    .version(packageVersion())
    .showHelpAfterError('(gatehouse --help shows how)')
    .configureOutput({ outputError: (text, write) => write(`gatehouse: ${text}`) })
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
  const env = process.env;

  program
    .command('start', { isDefault: true })
    .description('everything in one process, with nothing installed beforehand')
    .option('--config-dir <dir>', 'folder with gateway.yaml, auth.yaml and upstream-stubs.yaml')
    .addHelpText('after', '\nExample:\n  PORT=8081 gatehouse start')
    .action(({ configDir }: { configDir?: string }) =>
      runEmbedded({ env, ...(configDir === undefined ? {} : { configDir }) }),
    );

  program
    .command('gateway')
    .description('the gateway as a process of its own')
    .requiredOption('--config <file>', 'gateway.yaml')
    .addHelpText('after', '\nExample:\n  gatehouse gateway --config config/gateway.yaml')
    .action(({ config }: { config: string }) => runGateway({ configPath: config, env }));

  program
    .command('auth-service')
    .description('the auth service as a process of its own')
    .requiredOption('--config <file>', 'auth.yaml')
    .addHelpText('after', '\nExample:\n  gatehouse auth-service --config config/auth.yaml')
    .action(({ config }: { config: string }) => runAuthService({ configPath: config, env }));

  program
    .command('upstream-stub')
    .description('the example upstreams as a process of their own')
    .requiredOption('--config <file>', 'upstream-stubs.yaml')
    .addOption(new Option('--only <names...>', 'run these only').choices(STUB_NAMES))
    .addHelpText(
      'after',
      '\nExample:\n  gatehouse upstream-stub --config config/upstream-stubs.yaml --only orders',
    )
    .action(({ config, only }: { config: string; only?: StubName[] }) =>
      runUpstreamStubs({ configPath: config, env, ...(only === undefined ? {} : { only }) }),
    );

  addAccountCommand(program);
  addPkiCommand(program);
  addProbeCommand(program);
  return program;
}

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}
