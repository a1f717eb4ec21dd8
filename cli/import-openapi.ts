import { type Command, InvalidArgumentError } from 'commander';
import { cell, print } from './print.js';
import { terminal } from './terminal.js';

interface ImportCommandOptions {
  upstream: string;
  profile: string;
  base?: string;
  strict?: boolean;
  json?: boolean;
}

/** `gatehouse import openapi FILE`: routes with scopes from an OpenAPI document. */
export function addImportCommand(program: Command): void {
  program
    .command('import')
    .description('makes config of what other tools have')
    .command('openapi')
    .description('routes, with who may use them, from an OpenAPI 3.0 or 3.1 document')
    .argument('<file>', 'YAML or JSON; - is standard input')
    .requiredOption('--upstream <name>', 'where the routes go, a name under upstreams', configName)
    .option('--profile <name>', 'who is let in, a name under auth', configName, 'caller')
    .option('--base <path>', "what clients put before each path, in place of the servers' paths", basePath)
    .option('--strict', 'exit 1 where something is left out or is not quite what the document says')
    .option('--json', 'print routes, warnings and what is left out as JSON')
    .addHelpText(
      'after',
      '\nPrints routes to look through: a file for a config that is a folder, or to paste below `routes` of one that is a file.' +
        '\nWarnings go to standard error as well.' +
        '\nNobody is let in whom the document would not let in: without security in it, the routes ask for a token.' +
        '\nExit codes: 0 printed, 1 the document cannot be used (--strict: or there are warnings), 2 wrong usage.' +
        '\n\nExamples:' +
        '\n  gatehouse import openapi orders.yaml --upstream orders > gateway.d/orders.yaml' +
        '\n  gatehouse import openapi openapi.json --upstream orders --base /api --json',
    )
    .action(importOpenApi);
}

async function importOpenApi(file: string, options: ImportCommandOptions): Promise<void> {
  const { importRoutes } = await import('./openapi/import-routes.js');
  const { readDocument } = await import('./openapi/read-document.js');
  const { noteText, routesYaml } = await import('./openapi/routes-yaml.js');
  const { routePathFault } = await import('../gateway/index.js');
  const { upstream, profile, base } = options;
  const pathFault = (pattern: string): string | undefined => routePathFault(pattern)?.[1];
  const report = importRoutes(await readDocument(file), { upstream, profile, base, pathFault });
  const notes = [
    ...report.warnings.map((note) => `warning: ${noteText(note)}`),
    ...report.left_out.map((note) => `left out: ${noteText(note)}`),
  ];
  if (options.json === true) print(JSON.stringify(report, null, 2));
  else {
    print(routesYaml(report).trimEnd());
    for (const note of notes) terminal().writeError(`${cell(note)}\n`);
  }
  if (options.strict === true && notes.length > 0) terminal().exitCode = 1;
}

function configName(value: string): string {
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(value))
    throw new InvalidArgumentError('a name as config has it: orders');
  return value;
}

function basePath(value: string): string {
  if (!value.startsWith('/')) throw new InvalidArgumentError('a path such as /api, or / for none');
  return value.replace(/\/+$/, '');
}
