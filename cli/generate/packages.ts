import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { packageRoot } from '../../kit/package-root.js';

interface Package {
  name: string;
  description: string;
  /** Entry points by the path under which they are imported, without an extension. */
  entries: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

/** What leaves the house, each without a dependency: nobody's front end pulls in a server. */
const PACKAGES: readonly Package[] = [
  {
    name: 'gatehouse-client',
    description: 'Sessions and access tokens for callers of an API behind Gatehouse, in browsers and Node.',
    entries: { '.': 'client/index' },
  },
  {
    name: 'gatehouse-upstream',
    description: 'For services behind Gatehouse: trust the gateway alone, and read who is calling.',
    entries: { '.': 'upstream-kit/index', './testing': 'upstream-kit/testing/index' },
    peerDependencies: { fastify: '>=5' },
  },
];

/**
 * Lays the packages out below `to`, each a folder that `npm pack` can take, from compiled sources in `from`. Returns the
 * folders. Throws where a file that is imported is not there.
 */
export function layOutPackages(from: string, to: string): string[] {
  const own = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  const { version, license, type, engines } = own;
  return PACKAGES.map(({ name, description, entries, peerDependencies = {} }) => {
    const folder = join(to, name);
    for (const file of closure(from, Object.values(entries))) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      cpSync(join(from, file), join(folder, file));
      const types = file.replace(/\.js$/, '.d.ts');
      const text = readFileSync(join(from, types), 'utf8');
      writeFileSync(join(folder, types), withoutPeers(text, Object.keys(peerDependencies)));
    }
    cpSync(join(packageRoot(), 'LICENSE'), join(folder, 'LICENSE'));
    const exports = Object.fromEntries(
      Object.entries(entries).map(([path, entry]) => [
        path,
        { types: `./${entry}.d.ts`, default: `./${entry}.js` },
      ]),
    );
    const optional = Object.keys(peerDependencies).map((peer) => [peer, { optional: true }]);
    const peers = { peerDependencies, peerDependenciesMeta: Object.fromEntries(optional) as object };
    const manifest = { name, version, description, license, type, engines, exports, sideEffects: false };
    const whole = optional.length === 0 ? manifest : { ...manifest, ...peers };
    writeFileSync(join(folder, 'package.json'), `${JSON.stringify(whole, null, 2)}\n`);
    return folder;
  });
}

/**
 * Types that compile where an optional peer is not installed: what is of the peer is `any` there. With the peer nothing
 * changes.
 */
function withoutPeers(types: string, peers: readonly string[]): string {
  const mentions = peers.map((peer) => `(?:import .* from|declare module) ['"]${peer}['"]`).join('|');
  if (peers.length === 0) return types;
  return types.replace(new RegExp(`^(?:${mentions})`, 'gm'), '// @ts-ignore: the peer is optional\n$&');
}

/** The entries and everything of ours that they import, types included, relative to `from`. */
function closure(from: string, entries: readonly string[]): Set<string> {
  const found = new Set<string>();
  const visit = (file: string): void => {
    if (found.has(file)) return;
    found.add(file);
    for (const path of [file, file.replace(/\.js$/, '.d.ts')]) {
      if (!existsSync(join(from, path))) throw new Error(`${path} has not been compiled: npm run build`);
      const text = readFileSync(join(from, path), 'utf8');
      for (const [, target = ''] of text.matchAll(/(?:from|import\()\s*['"](\.[^'"]+)['"]/g))
        visit(relative(from, join(from, dirname(path), target)));
    }
  };
  for (const entry of entries) visit(`${entry}.js`);
  return found;
}
