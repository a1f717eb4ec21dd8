import type { Command } from 'commander';
import { withConfig } from './config-option.js';
import { printAnswer, table } from './print.js';
import { terminal } from './terminal.js';

/** `gatehouse routes`: what the config serves, and to whom. */
export function addRoutesCommand(program: Command): void {
  withConfig(program.command('routes'))
    .description('the routes of a config: methods, path, who may, where to, and where they are written')
    .option('--public', 'those that anybody may call, and no others')
    .option('--json', 'print the routes as JSON')
    .addHelpText(
      'after',
      '\nExit codes: 0 printed, 1 the config is wrong, 2 wrong usage.' +
        '\n\nExamples:\n  gatehouse routes\n  gatehouse routes --public --config config/gateway.yaml',
    )
    .action(list);
}

async function list(options: { config: string; public?: boolean; json?: boolean }): Promise<void> {
  const { listRoutes, loadGatewayConfig, offlineGateway } = await import('../gateway/index.js');
  const gateway = await offlineGateway(loadGatewayConfig(options.config, terminal().env));
  const routes = listRoutes(gateway).filter((route) => options.public !== true || route.public);
  printAnswer(options, { routes }, () =>
    table(
      ['METHODS', 'PATH', 'AUTH', 'TO', 'WRITTEN AT'],
      routes.map(({ methods, hosts, path, auth, destination, source }) => [
        methods.join(','),
        hosts.join(',') + path,
        auth,
        destination,
        source,
      ]),
    ),
  );
}
