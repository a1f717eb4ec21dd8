import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const FOLDER = join(ROOT, '.tap', 'compiled');
const OPTIONS = {
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: 'inline',
  sourcesContent: false,
};
const NOT_SOURCES = new Set(['node_modules', 'dist']);

/**
 * A TypeScript file as JavaScript, types taken out and not checked. What was made is kept by the content that it was
 * made of; where that of one file is missing, everything is made at once, which takes half a second.
 */
export function compiledText(path) {
  const text = readFileSync(path);
  const isSource = path.startsWith(ROOT) && path.endsWith('.ts');
  return isSource ? (read(path, text) ?? makeAll(path)) : makeOne(path, text);
}

function read(path, text) {
  try {
    return readFileSync(placeOf(path, text), 'utf8');
  } catch {
    return undefined;
  }
}

/** A program that a test has written. */
function makeOne(path, text) {
  const { code } = compiler().transformSync(text, { ...OPTIONS, loader: 'ts', sourcefile: path });
  return code;
}

/** With the path: it stands in the source map. */
function placeOf(path, text) {
  const digest = createHash('sha1').update(path).update('\0').update(text).digest('hex');
  return join(FOLDER, `${digest}.js`);
}

function makeAll(wanted) {
  mkdirSync(FOLDER, { recursive: true });
  const inputs = [...new Set([...sourcesBelow(ROOT), wanted])];
  const texts = new Map(inputs.map((path) => [path, readFileSync(path)]));
  const { outputFiles } = compiler().buildSync({
    ...OPTIONS,
    entryPoints: inputs,
    outbase: ROOT,
    outdir: ROOT,
    write: false,
  });
  for (const { path, text } of outputFiles) {
    const source = path.replace(/\.js$/, '.ts');
    const place = placeOf(source, texts.get(source) ?? '');
    const unfinished = `${place}.${process.pid}`;
    writeFileSync(unfinished, text);
    renameSync(unfinished, place);
  }
  return readFileSync(placeOf(wanted, texts.get(wanted)), 'utf8');
}

/** Loaded where it is needed only. */
const compiler = () => createRequire(import.meta.url)('esbuild');

function sourcesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name.startsWith('.') || NOT_SOURCES.has(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourcesBelow(path);
    return entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts') ? [path] : [];
  });
}
