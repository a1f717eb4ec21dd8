import type { Command } from 'commander';

export const DEFAULT_CONFIG = 'config/gateway.yaml';

/** The option of all commands that read the gateway's config. */
export function withConfig(command: Command): Command {
  return command.option('--config <path>', 'gateway.yaml, or a folder of such files', DEFAULT_CONFIG);
}
