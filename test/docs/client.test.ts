import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import t from 'tap';
import { PROBLEMS } from '../../contracts/problem-codes.js';
import { packageRoot } from '../../kit/package-root.js';
import { transpileSources } from '../fixtures/build.js';
import { startGatewayAndAuth } from '../fixtures/gateway-and-auth.js';
import { makeClient } from '../fixtures/oauth-client.js';
import { needsPostgres } from '../fixtures/postgres.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';
import { PAGE_ORIGIN, USER } from '../fixtures/test-auth-service.js';

const page = readFileSync(join(packageRoot(), 'docs/client.md'), 'utf8');
const blocks = [...page.matchAll(/^```js\n(.*?)^```/gms)].map(([, text]) => text ?? '');
const entry = pathToFileURL(join(transpileSources(), 'client/index.js')).href;

/** A block of the page as a program of its own. */
async function run(t: Parameters<typeof temporaryFolder>[0], block: string, env: object): Promise<string> {
  const file = join(temporaryFolder(t), 'block.mjs');
  writeFileSync(file, block.replace("'gatehouse/client'", `'${entry}'`));
  const { stdout } = await promisify(execFile)(process.execPath, [file], { env: { ...process.env, ...env } });
  return stdout;
}

t.test('the page’s programs run, and say what they should', needsPostgres, async (t) => {
  const { url } = await startGatewayAndAuth(t);
  const env = { GATEWAY: url, EMAIL: USER.email, PASSWORD: USER.password };
  const [, inNode = ''] = blocks;
  t.equal(blocks.length, 3);
  t.equal(
    await run(t, inNode, env),
    `${JSON.stringify(USER.scopes).replace('[', '[ ').replace(']', ' ]').replace(/"/g, "'").replace(',', ', ')}\n1\ntrue invalid_credentials\nrevoked\n`,
  );
});

t.test('the program of a service runs', needsPostgres, async (t) => {
  const { url, auth } = await startGatewayAndAuth(t);
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await makeClient(auth, {
    client_id: 'reporting',
    auth_method: 'private_key_jwt',
    jwk: publicKey.export({ format: 'jwk' }),
    scopes: ['orders:read'],
  });
  const key = JSON.stringify(privateKey.export({ format: 'jwk' }));
  const env = { GATEWAY: url, CLIENT_ID: 'reporting', CLIENT_KEY: key };
  t.equal(await run(t, blocks[2] ?? '', env), '502\n', 'let through, to an upstream that does not run here');
});

t.test('the SDK is as small as the page says, and under 6 kB', async (t) => {
  const { outputFiles } = await build({
    entryPoints: [join(packageRoot(), 'client/index.ts')],
    bundle: true,
    minify: true,
    format: 'esm',
    write: false,
  });
  const bytes = gzipSync(outputFiles[0]?.contents ?? '').length;
  const [, said = ''] = /([\d.]+) kB gzipped/.exec(page) ?? [];
  t.ok(Math.abs(bytes / 1000 - Number(said)) < 0.1, `${bytes} bytes; the page says ${said} kB`);
  t.ok(bytes < 6000);
});

t.test('the first program runs, as on a page of an allowed origin', needsPostgres, async (t) => {
  const { url } = await startGatewayAndAuth(t);
  const [first = ''] = blocks;
  const around = `
    const [email, password] = [process.env.EMAIL, process.env.PASSWORD];
    const render = (identity, reason) => console.log(reason, identity?.roles[0]);
    const plain = globalThis.fetch;
    globalThis.fetch = (input, init) =>
      String(input).endsWith('/api/orders')
        ? Promise.resolve(Response.json({ token: new Headers(init.headers).has('authorization') }))
        : plain(input, { ...init, headers: { ...init.headers, origin: '${PAGE_ORIGIN}' } });`;
  const program = `${around}\n${first.replaceAll('https://api.example.com', url)}\nconsole.log(orders);`;
  const said = await run(t, program, { EMAIL: USER.email, PASSWORD: USER.password });
  t.equal(said, 'login user\n{ token: true }\n');
});

t.test('the codes that end a session are codes', async (t) => {
  const sentence = /Only a final answer ends a session: (.*?)\. 429/s.exec(page)?.[1] ?? '';
  const codes = [...sentence.matchAll(/`(\w+)`/g)].map(([, code]) => code ?? '');
  t.equal(codes.length, 6);
  for (const code of codes) t.ok(code in PROBLEMS, code);
});
