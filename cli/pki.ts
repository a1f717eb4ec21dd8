import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { spiffeId } from '../contracts/spiffe.js';
import type { PkiFiles } from '../kit/dev-pki.js';
import { StartupError } from '../kit/startup-error.js';
import { operatorFolder } from './gateway-address.js';
import { terminal } from './terminal.js';

interface PkiInitOptions {
  dir: string;
  eachTo?: string;
  host: string[];
}

interface PkiIssueOptions {
  dir: string;
  host: string[];
}

/** `gatehouse pki`: certificates for trying things out, and `gatehouse kek`: a key to wrap keys. */
export function addPkiCommand(program: Command): void {
  const pki = program.command('pki').description('development certificates');
  pki
    .command('init')
    .description('make an internal CA and a certificate for each part; what is there and good stays')
    .requiredOption('--dir <dir>', 'where to')
    .option(
      '--each-to <dir>',
      "copy each part's own files and the CA certificate to a folder of its own in here",
    )
    .option('--host <names...>', 'further DNS names of all parts', [])
    .addHelpText('after', '\nExample:\n  gatehouse pki init --dir .gatehouse/pki')
    .action(initPki);

  pki
    .command('issue')
    .description('make a certificate for an upstream of your own; one that is there and good stays')
    .argument('<name>', "the upstream's name: lower case letters, digits and dashes")
    .option('--dir <dir>', 'folder of the CA', operatorFolder(undefined))
    .option('--host <names...>', 'further DNS names', [])
    .addHelpText('after', '\nExample:\n  gatehouse pki issue reports --host reports.internal')
    .action(issueLeaf);

  program
    .command('kek')
    .description('print a new key-encryption key for the auth service')
    .addHelpText('after', '\nExample:\n  export AUTH_ENCRYPTION_KEY=$(gatehouse kek)')
    .action(() => {
      terminal().write(`${randomBytes(32).toString('base64url')}\n`);
    });
}

async function initPki({ dir, eachTo, host }: PkiInitOptions): Promise<void> {
  const { DEV_LEAVES } = await import('../embedded/index.js');
  const { ensureDevPki } = await import('../kit/dev-pki.js');
  const leaves = DEV_LEAVES.map((leaf) => ({ ...leaf, dnsNames: ['localhost', leaf.name, ...host] }));
  const files = await ensureDevPki({ dir: resolve(dir), leaves });
  if (eachTo !== undefined) {
    for (const { name } of leaves) await handOut(files, name, resolve(eachTo, name));
  }
  terminal().write(`certificates for ${leaves.map(({ name }) => name).join(', ')} are in ${eachTo ?? dir}\n`);
}

async function issueLeaf(name: string, { dir, host }: PkiIssueOptions, command: Command): Promise<void> {
  const { ensureDevPki, isLeafName } = await import('../kit/dev-pki.js');
  const { DEV_LEAVES } = await import('../embedded/index.js');
  if (!isLeafName(name)) command.error(`error: not the name of an upstream: ${name}`);
  // The names of our own parts say who may call whom, so their certificates are made by `init` alone.
  if (DEV_LEAVES.some((leaf) => leaf.name === name))
    command.error(`error: pki init makes the one of ${name}`);
  if (!existsSync(join(dir, 'ca-key.pem'))) {
    throw new StartupError(`no CA in ${dir}: gatehouse start and gatehouse pki init make one`);
  }
  const leaf = { name, spiffeId: spiffeId(name), dnsNames: ['localhost', name, ...host] };
  const files = await ensureDevPki({ dir: resolve(dir), leaves: [leaf] });
  const { cert, key } = files.leaf(name);
  const lines = { cert, key, ca: files.ca, spiffe_id: leaf.spiffeId };
  for (const [what, value] of Object.entries(lines)) terminal().write(`${what.padEnd(9)}  ${value}\n`);
}

/** So that no part can read another's key, let alone the CA's. */
async function handOut(files: PkiFiles, name: string, to: string): Promise<void> {
  const { cert, key } = files.leaf(name);
  try {
    await mkdir(to, { recursive: true, mode: 0o700 });
    await copyFile(files.ca, join(to, 'ca.pem'));
    await copyFile(cert, join(to, `${name}.pem`));
    await copyFile(key, join(to, `${name}-key.pem`));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new StartupError(`cannot write certificates in ${to}: ${code ?? message}`, { cause });
  }
}
