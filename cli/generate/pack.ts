/** `npm run pack`: tarballs of what leaves the house, in `dist/packages`. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../kit/package-root.js';
import { layOutPackages } from './packages.js';

const dist = join(packageRoot(), 'dist');
const to = join(dist, 'packages');
rmSync(to, { recursive: true, force: true });
for (const folder of layOutPackages(dist, to)) {
  const args = ['pack', folder, '--pack-destination', to, '--silent'];
  process.stdout.write(`dist/packages/${execFileSync('npm', args, { encoding: 'utf8' })}`);
}
