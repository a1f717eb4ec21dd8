import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join, sep } from 'node:path';
import { packageRoot } from '../kit/package-root.js';
import type { StubServer } from './create-server.js';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Scripts, styles and calls of this origin, and nothing else; no other page may frame it (CSP level 3). */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** Names under `assets/` are made of what is in the file. */
const FOR_EVER = 'public, max-age=31536000, immutable';

/** The files of `folder`, read once: what was not there at the start cannot be asked for. */
export function addWeb(app: StubServer, folder: string): void {
  const root = folder || join(packageRoot(), 'dist', 'web');
  if (existsSync(join(root, 'index.html'))) addFiles(app, root);
  else addNotBuilt(app, root);
}

function addFiles(app: StubServer, root: string): void {
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const type = TYPES[extname(entry.name)];
    if (!entry.isFile() || type === undefined) continue;
    const path = join(entry.parentPath, entry.name);
    const content = readFileSync(path);
    const name = path.slice(join(root, sep).length).split(sep).join('/');
    const cacheControl = name.startsWith('assets/') ? FOR_EVER : 'no-cache';
    app.get(name === 'index.html' ? '/' : `/${name}`, (_request, reply) =>
      reply
        .headers({ ...HEADERS, 'cache-control': cacheControl })
        .type(type)
        .send(content),
    );
  }
}

function addNotBuilt(app: StubServer, root: string): void {
  app.log.warn({ folder: root }, 'there is no page: npm run build makes it');
  app.get('/', (_request, reply) =>
    reply.code(404).type('text/plain').send('There is no page here yet: npm run build makes it.\n'),
  );
}
