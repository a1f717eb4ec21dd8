import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from './package-root.js';

/** What is running. */
export interface BuildInfo {
  /** Of the package. */
  version: string;
  /** The commit it was built from, where whoever built it said so (`GATEHOUSE_COMMIT`); else null. */
  commit: string | null;
  /** Of Node, without the `v`. */
  node: string;
}

export function buildInfo(env: Readonly<Record<string, string | undefined>> = process.env): BuildInfo {
  const manifest = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
    version: string;
  };
  return {
    version: manifest.version,
    commit: env['GATEHOUSE_COMMIT'] || null,
    node: process.versions.node,
  };
}
