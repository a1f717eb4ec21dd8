import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The files of a config: the path itself, or every `*.yaml` and `*.yml` of a folder, in the order of the bytes of their
 * names. Folders below are not looked into, nor what begins with a dot: Kubernetes keeps the real files of a mounted
 * ConfigMap under `..data`, behind links of the names that count. Throws what the file system throws.
 */
export function listConfigFiles(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .filter((name) => /\.ya?ml$/.test(name) && !name.startsWith('.'))
    .sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
    .map((name) => join(path, name))
    .filter((file) => !isFolder(file));
}

/** A link to nothing is no folder: reading it says what is wrong. */
const isFolder = (file: string): boolean => statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false;
