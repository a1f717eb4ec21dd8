import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, transform } from 'esbuild';

const PLACE_OF_MODULE = 'import.meta.url';

/**
 * Makes JavaScript of these test files, types taken out and not checked, in a new folder that is returned. What they
 * import of the repository is in a few files with them: module by module, through a loader, each test file would take
 * twice as long to start, on Node 20 three times.
 */
export async function bundleTests(root, files) {
  mkdirSync(join(root, '.tap'), { recursive: true });
  const folder = mkdtempSync(join(root, '.tap', 'run-'));
  await build({
    entryPoints: files,
    absWorkingDir: root,
    outbase: root,
    outdir: folder,
    bundle: true,
    splitting: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    sourcesContent: false,
    logLevel: 'error',
    plugins: [{ name: 'own place', setup: (builder) => builder.onLoad({ filter: /\.ts$/ }, loadSource) }],
  });
  return folder;
}

/** Where in that folder a test file is. */
export const bundleOf = (folder, file) => join(folder, file.replace(/\.ts$/, '.js'));

/** A module goes on believing that it is where its source is. */
async function loadSource({ path }) {
  const contents = readFileSync(path, 'utf8');
  if (!contents.includes(PLACE_OF_MODULE)) return { contents, loader: 'ts' };
  const { code } = await transform(contents, {
    loader: 'ts',
    sourcefile: path,
    sourcemap: 'inline',
    sourcesContent: false,
    define: { [PLACE_OF_MODULE]: JSON.stringify(pathToFileURL(path).href) },
  });
  return { contents: code, loader: 'js' };
}
