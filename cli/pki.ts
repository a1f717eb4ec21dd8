import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { DEV_LEAVES } from '../embedded/index.js';
import { ensureDevPki } from '../kit/dev-pki.js';

/** `gatehouse pki init`: certificates for trying the separate processes out, and `gatehouse kek`: a key to wrap keys. */
export function addPkiCommand(program: Command): void {
  program
    .command('pki')
    .description('development certificates')
    .command('init')
    .description('make an internal CA and a certificate for each part; what is there and good stays')
    .requiredOption('--dir <dir>', 'where to')
    .option('--host <names...>', 'further DNS names of all parts', [])
    .addHelpText('after', '\nExample:\n  gatehouse pki init --dir .gatehouse/pki')
    .action(async ({ dir, host }: { dir: string; host: string[] }) => {
      const leaves = DEV_LEAVES.map((leaf) => ({ ...leaf, dnsNames: ['localhost', leaf.name, ...host] }));
      await ensureDevPki({ dir: resolve(dir), leaves });
      process.stdout.write(`certificates for ${leaves.map(({ name }) => name).join(', ')} are in ${dir}\n`);
    });

  program
    .command('kek')
    .description('print a new key-encryption key for the auth service')
    .addHelpText('after', '\nExample:\n  export AUTH_ENCRYPTION_KEY=$(gatehouse kek)')
    .action(() => {
      process.stdout.write(`${randomBytes(32).toString('base64url')}\n`);
    });
}
