import type { Command } from 'commander';
import { stringify } from 'yaml';
import { withConfig } from './config-option.js';
import { printAnswer } from './print.js';
import { terminal } from './terminal.js';

/** `gatehouse config show`: the config as the gateway goes by it. */
export function addConfigShowCommand(config: Command): void {
  withConfig(config.command('show'))
    .description('the effective config: files merged, environment put in, defaults filled in, secrets masked')
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      '\nExit codes: 0 printed, 1 the config is wrong, 2 wrong usage.' +
        '\n\nExample:\n  PORT=9000 gatehouse config show --config config/gateway.yaml',
    )
    .action(async (options: { config: string; json?: boolean }) => {
      const { effectiveConfig, loadGatewayConfig, offlineGateway } = await import('../gateway/index.js');
      const gateway = await offlineGateway(loadGatewayConfig(options.config, terminal().env));
      printAnswer(options, effectiveConfig(gateway), (effective) => stringify(effective).trimEnd());
    });
}
