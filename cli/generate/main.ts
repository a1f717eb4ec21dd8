/** `npm run gen`: writes the files that are made from the source. A test fails when one of them is out of date. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packageRoot } from '../../kit/package-root.js';
import { generatedFiles } from './files.js';

for (const { path, content } of generatedFiles()) {
  const target = join(packageRoot(), path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, content);
  process.stdout.write(`${path}\n`);
}
