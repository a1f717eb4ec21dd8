import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { IDENTITY_HEADERS } from '../../contracts/identity-headers.js';
import { spiffeId } from '../../contracts/spiffe.js';
import { packageRoot } from '../../kit/package-root.js';
import { transpileSources } from '../fixtures/build.js';
import { freePort } from '../fixtures/free-port.js';
import { importProgram } from '../fixtures/import-program.js';
import { mtlsRequest } from '../fixtures/mtls-request.js';
import { testPki } from '../fixtures/pki.js';
import { gatewayClient, identityOf } from '../fixtures/upstream-stubs.js';

const page = readFileSync(join(packageRoot(), 'docs/identity-headers.md'), 'utf8');
const [withExpress = '', tested = '', assertion = ''] = [...page.matchAll(/^```ts\n(.*?)^```/gms)].map(
  ([, text]) => text ?? '',
);

/** Where the page's names lead on this machine. */
function here(t: Test, block: string): { source: string; dir: string } {
  const kit = pathToFileURL(join(transpileSources(), 'upstream-kit')).href;
  const source = block
    .replace("'gatehouse/upstream/testing'", `'${kit}/testing/index.js'`)
    .replace("'gatehouse/upstream'", `'${kit}/index.js'`)
    .replace("'express'", `'${import.meta.resolve('express')}'`)
    .replace("'fastify'", `'${import.meta.resolve('fastify')}'`);
  return { source, dir: t.testdir() };
}

t.test('every header is on the page', (t) => {
  for (const name of Object.values(IDENTITY_HEADERS)) t.match(page, `\`${name}\``);
  t.end();
});

t.test('the service with Express serves the gateway', async (t) => {
  const pki = await testPki();
  const { cert, key } = await pki.leaf('reports', spiffeId('reports'));
  const port = await freePort();
  const { source, dir } = here(t, withExpress);
  mkdirSync(join(dir, 'certs'));
  for (const [name, pem] of Object.entries({ ca: pki.ca, reports: cert, 'reports-key': key }))
    writeFileSync(join(dir, 'certs', `${name}.pem`), pem);
  const text = source.replace('certs/', `${dir}/certs/`).replace('listen(8443)', `listen(${port})`);
  const { server } = await importProgram<{ server: { close(): void } }>(dir, `${text}\nexport { server };\n`);
  t.teardown(() => server.close());
  const get = async (headers: Record<string, string>) =>
    (
      await mtlsRequest(await gatewayClient(), `https://127.0.0.1:${port}/api/reports/mine`, { headers })
    ).json();
  t.strictSame(await get(identityOf('ann', { 'x-identity-scopes': 'reports:read' })), { owner: 'ann' });
  t.match(await get(identityOf('ann')), { code: 'insufficient_scope' });
});

t.test('the test of a team runs, and says who called', async (t) => {
  const { source, dir } = here(t, tested);
  const file = join(dir, 'own.test.mjs');
  writeFileSync(file, source);
  const { stdout } = await promisify(execFile)(process.execPath, [file]);
  t.equal(stdout, "{ owner: 'ann' }\n");
});

t.test('the assertion is verified with keys of the gateway’s address', async (t) => {
  const { source, dir } = here(t, assertion);
  const { callerOf } = await importProgram<{ callerOf(text: string): Promise<unknown> }>(dir, source);
  await t.rejects(callerOf('a.b.c'), { name: 'AssertionError' });
});
