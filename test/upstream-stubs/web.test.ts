import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createLogger } from '../../kit/logger.js';
import { startUpstreamStubs } from '../../upstream-stubs/index.js';
import { mtlsRequest } from '../fixtures/mtls-request.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';
import { gatewayClient, stubsConfig } from '../fixtures/upstream-stubs.js';

const gateway = await gatewayClient();

async function start(t: Parameters<typeof stubsConfig>[0], files: string, lines: string[] = []) {
  const config = await stubsConfig(t);
  config.web.files = files;
  const logger = createLogger('test', { destination: { write: (line) => void lines.push(line) } });
  const { urls, stop } = await startUpstreamStubs(config, { only: ['web'], logger });
  t.teardown(() => stop());
  const headers = { 'x-identity-version': '1', 'x-identity-kind': 'anonymous' };
  return (path: string) => mtlsRequest(gateway, urls.web + path, { headers });
}

t.test('a page: its files by their names, and nothing else', async (t) => {
  const dir = temporaryFolder(t);
  mkdirSync(join(dir, 'page/assets'), { recursive: true });
  const files = { 'page/index.html': '<h1>hello</h1>', 'page/assets/a-1.js': '1' };
  const others = { 'secret.txt': 'x', 'page/.env': 'x', 'page/assets/a-1.map': '{}' };
  for (const [name, text] of Object.entries({ ...files, ...others })) writeFileSync(join(dir, name), text);
  const get = await start(t, join(dir, 'page'));
  const page = await get('/');
  t.match(page, { status: 200, text: '<h1>hello</h1>' });
  t.match(page.headers, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
    'content-security-policy': /^default-src 'none'; script-src 'self'; (?!.*unsafe)/,
  });
  const script = await get('/assets/a-1.js');
  t.match(script, { status: 200, text: '1' });
  t.match(script.headers, {
    'content-type': 'text/javascript; charset=utf-8',
    'cache-control': 'public, max-age=31536000, immutable',
  });
  for (const path of [
    '/index.html',
    '/assets/',
    '/assets/a-1.map',
    '/.env',
    '/%2e%2e/secret.txt',
    '/assets/x',
  ])
    t.equal((await get(path)).status, 404, path);
});

t.test('a page that is not built says how to build it, and the rest starts', async (t) => {
  const lines: string[] = [];
  const get = await start(t, temporaryFolder(t), lines);
  t.match(await get('/'), { status: 404, text: /npm run build/ });
  t.match(lines.join(''), /"level":40.*there is no page: npm run build makes it/);
});
