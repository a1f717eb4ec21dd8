import { randomBytes } from 'node:crypto';
import { copyFile, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { PkiFiles } from '../kit/dev-pki.js';
import { StartupError } from '../kit/startup-error.js';

interface PkiInitOptions {
  dir: string;
  eachTo?: string;
  host: string[];
}

/** `gatehouse pki init`: certificates for trying the separate processes out, and `gatehouse kek`: a key to wrap keys. */
export function addPkiCommand(program: Command): void {
  program
    .command('pki')
    .description('development certificates')
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

  program
    .command('kek')
    .description('print a new key-encryption key for the auth service')
    .addHelpText('after', '\nExample:\n  export AUTH_ENCRYPTION_KEY=$(gatehouse kek)')
    .action(() => {
      process.stdout.write(`${randomBytes(32).toString('base64url')}\n`);
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
  process.stdout.write(
    `certificates for ${leaves.map(({ name }) => name).join(', ')} are in ${eachTo ?? dir}\n`,
  );
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
