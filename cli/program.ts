import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { packageRoot } from '../kit/package-root.js';
import type { StubName } from '../upstream-stubs/index.js';
import { addApiKeysCommand } from './api-keys.js';
import { addAuditCommand } from './audit.js';
import { addCheckCommand } from './check.js';
import { addClientsCommand } from './clients.js';
import { addCompletionCommand } from './completion.js';
import { addConfigCommand } from './config.js';
import { addConformanceCommand } from './conformance.js';
import { addDiffCommand } from './diff.js';
import { addDryRunCommand } from './dry-run.js';
import { tellExitCodes } from './exit-codes-help.js';
import { addExplainCommand } from './explain.js';
import { addImportCommand } from './import-openapi.js';
import { addJwksCommand } from './jwks.js';
import { addKeysCommand } from './keys.js';
import { addLintCommand } from './lint.js';
import { addMockGatewayCommand } from './mock-gateway.js';
import { addPkiCommand } from './pki.js';
import { addProbeCommand } from './probe.js';
import { addRevokeCommand } from './revoke.js';
import { addRoutesCommand } from './routes.js';
import { terminal } from './terminal.js';
import { addTestCommand } from './test-config.js';
import { addUsersCommand } from './users.js';

const STUB_NAMES = ['orders', 'profile', 'echo', 'events', 'web'] as const satisfies readonly StubName[];

/**
 * The `gatehouse` command. Exit codes: 0 done, 1 something to put right (one line says what), 2 wrong usage,
 * 3 done for good but not yet known everywhere. A command
 * loads its part when it runs: a probe, which containers call every few seconds, must not load four services.
 */
export function createProgram(): Command {
  const program = new Command('gatehouse')
    .description('One public door for an API.')
    .version(packageVersion())
    .showHelpAfterError('(gatehouse --help shows how)')
    .configureOutput({
      writeOut: (text) => terminal().write(text),
      writeErr: (text) => terminal().writeError(text),
      outputError: (text, write) => write(`gatehouse: ${text}`),
    })
    .exitOverride();
  const env = terminal().env;

  program
    .command('start', { isDefault: true })
    .description('everything in one process, with nothing installed beforehand')
    .option('--config-dir <dir>', 'folder with gateway.yaml, auth.yaml and upstream-stubs.yaml')
    .addHelpText('after', '\nExample:\n  PORT=8081 gatehouse start')
    .action(async ({ configDir }: { configDir?: string }) => {
      const { runEmbedded } = await import('../embedded/index.js');
      await runEmbedded({ env, ...(configDir === undefined ? {} : { configDir }) });
    });

  program
    .command('gateway')
    .description('the gateway as a process of its own')
    .requiredOption('--config <file>', 'gateway.yaml')
    .addHelpText('after', '\nExample:\n  gatehouse gateway --config config/gateway.yaml')
    .action(async ({ config }: { config: string }) => {
      const { runGateway } = await import('../gateway/index.js');
      await runGateway({ configPath: config, env });
    });

  program
    .command('auth-service')
    .description('the auth service as a process of its own')
    .requiredOption('--config <file>', 'auth.yaml')
    .addHelpText('after', '\nExample:\n  gatehouse auth-service --config config/auth.yaml')
    .action(async ({ config }: { config: string }) => {
      const { runAuthService } = await import('../auth-service/index.js');
      await runAuthService({ configPath: config, env });
    });

  program
    .command('upstream-stub')
    .description('the example upstreams as a process of their own')
    .requiredOption('--config <file>', 'upstream-stubs.yaml')
    .addOption(new Option('--only <names...>', 'run these only').choices(STUB_NAMES))
    .addHelpText(
      'after',
      '\nExample:\n  gatehouse upstream-stub --config config/upstream-stubs.yaml --only orders',
    )
    .action(async ({ config, only }: { config: string; only?: StubName[] }) => {
      const { runUpstreamStubs } = await import('../upstream-stubs/index.js');
      await runUpstreamStubs({ configPath: config, env, ...(only === undefined ? {} : { only }) });
    });

  addApiKeysCommand(program);
  addAuditCommand(program);
  addCheckCommand(program);
  addConfigCommand(program);
  addClientsCommand(program);
  addCompletionCommand(program);
  addConformanceCommand(program);
  addDiffCommand(program);
  addDryRunCommand(program);
  addExplainCommand(program);
  addImportCommand(program);
  addJwksCommand(program);
  addKeysCommand(program);
  addLintCommand(program);
  addMockGatewayCommand(program);
  addPkiCommand(program);
  addProbeCommand(program);
  addRevokeCommand(program);
  addRoutesCommand(program);
  addTestCommand(program);
  addUsersCommand(program);
  tellExitCodes(program);
  return program;
}

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}
