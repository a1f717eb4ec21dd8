import type { Command } from 'commander';
import { addConfigHistoryCommands } from './config-history.js';
import { addConfigShowCommand } from './config-show.js';

/** `gatehouse config …` */
export function addConfigCommand(program: Command): void {
  const config = program.command('config').description("the gateway's config");
  addConfigShowCommand(config);
  addConfigHistoryCommands(config);
}
