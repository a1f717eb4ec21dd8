import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { packageRoot } from '../kit/package-root.js';
import { readTlsFiles, type TlsMaterial } from '../kit/tls-files.js';
import { conformance, type Vectors } from './conformance/checks.js';
import { operatorFolder } from './gateway-address.js';
import { printAnswer, table } from './print.js';
import { terminal } from './terminal.js';

interface ConformanceOptions {
  pki?: string;
  other: string;
  json?: boolean;
}

/** `gatehouse conformance URL`: whether a service believes the gateway alone, and reads what it says. */
export function addConformanceCommand(program: Command): void {
  program
    .command('conformance')
    .description(
      'whether a service lets in the gateway and nobody else, and reads its identity headers right',
    )
    .argument('<url>', 'https address of a path that answers with the caller as JSON')
    .option('--pki <dir>', 'folder with ca.pem, gateway.pem, gateway-key.pem and those of another part')
    .option('--other <name>', 'the other part, which must not be let in', 'operator')
    .option('--json', 'print the findings as JSON')
    .addHelpText(
      'after',
      '\nThe answer is {"kind", "subject", "scopes", "roles", …}, or that under "identity". Without it the service is' +
        '\nheld only to what it refuses.' +
        '\nExit codes: 0 it conforms, 1 it does not, 2 wrong usage.' +
        '\n\nExample:\n  gatehouse conformance https://localhost:8443/whoami',
    )
    .action(run);
}

async function run(address: string, options: ConformanceOptions, command: Command): Promise<void> {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url?.protocol !== 'https:') return command.error('error: an https:// address');
  const dir = operatorFolder(options.pki);
  const part = (name: string): TlsMaterial =>
    readTlsFiles({
      ca: join(dir, 'ca.pem'),
      cert: join(dir, `${name}.pem`),
      key: join(dir, `${name}-key.pem`),
    });
  const parties = { gateway: part('gateway'), other: part(options.other) };
  const file = join(packageRoot(), 'contracts/vectors/identity-v1.json');
  const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors;
  const findings = await conformance(url, parties, vectors);
  const failed = findings.filter(({ result }) => result === 'FAIL').length;
  const skipped = findings.filter(({ result }) => result === 'skipped').length;
  printAnswer(options, findings, () =>
    [
      table(
        ['', 'CHECK', 'FOUND'],
        findings.map(({ check, result, found }) => [result, check, found]),
      ),
      `\n${findings.length - failed - skipped} ok, ${failed} failed, ${skipped} skipped`,
    ].join('\n'),
  );
  if (failed > 0) terminal().exitCode = 1;
}
