import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import Fastify from 'fastify';
import t, { type Test } from 'tap';
import { GATEWAY_SPIFFE_ID, OPERATOR_SPIFFE_ID, spiffeId } from '../../contracts/spiffe.js';
import { gatehouseIdentity, gatewayServerOptions } from '../../upstream-kit/index.js';
import { runCli } from '../fixtures/cli.js';
import { testPki } from '../fixtures/pki.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';

const pki = await testPki();
const serverTls = gatewayServerOptions({ ca: pki.ca, ...(await pki.leaf('orders', spiffeId('orders'))) });

async function folder(t: Test): Promise<string> {
  const dir = join(temporaryFolder(t), 'pki');
  mkdirSync(dir);
  writeFileSync(join(dir, 'ca.pem'), pki.ca);
  for (const [name, id] of [
    ['gateway', GATEWAY_SPIFFE_ID],
    ['operator', OPERATOR_SPIFFE_ID],
  ] as const) {
    const { cert, key } = await pki.leaf(name, id);
    writeFileSync(join(dir, `${name}.pem`), cert);
    writeFileSync(join(dir, `${name}-key.pem`), key);
  }
  return dir;
}

async function serve(t: Test, tls: ServerOptions, listener: RequestListener): Promise<string> {
  const server = createServer(tls, listener);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}/whoami`;
}

interface Finding {
  check: string;
  result: string;
  found: string;
}

async function findings(t: Test, url: string) {
  const { code, stdout } = await runCli(['conformance', url, '--pki', await folder(t), '--json'], {});
  const all = JSON.parse(stdout) as Finding[];
  return { code, all, failed: all.filter(({ result }) => result === 'FAIL').map(({ check }) => check) };
}

t.test('a service with the kit conforms', async (t) => {
  const app = Fastify({ https: serverTls, forceCloseConnections: true });
  await app.register(gatehouseIdentity);
  app.get('/whoami', (request) => request.identity);
  await app.listen({ port: 0, host: '127.0.0.1' });
  t.teardown(() => app.close());
  const url = `https://127.0.0.1:${(app.server.address() as AddressInfo).port}/whoami`;
  const { code, all, failed } = await findings(t, url);
  t.strictSame(failed, []);
  t.equal(code, 0);
  t.ok(all.length > 30);
  t.ok(all.every(({ result }) => result === 'ok'));
  const inText = await runCli(['conformance', url], { PKI_DIR: await folder(t) });
  t.match(inText.stdout, /^ok +read: letters beyond ASCII +answered 200$/m);
  t.match(inText.stdout, /\n\d+ ok, 0 failed, 0 skipped\n$/);
});

t.test('one that believes headers, whoever sends them, does not', async (t) => {
  const url = await serve(t, { ...serverTls, rejectUnauthorized: false }, (request, response) =>
    response.end(JSON.stringify({ identity: { subject: request.headers['x-identity-subject'] } })),
  );
  const { code, failed } = await findings(t, url);
  t.equal(code, 1);
  for (const check of [
    'nobody is let in without a certificate',
    'another part with a certificate of the same CA is not let in',
    'a request without identity headers is refused',
    'refused: a header twice',
    'read: letters beyond ASCII',
  ])
    t.ok(failed.includes(check), check);
  t.notOk(failed.includes('nobody is let in without TLS'));
  t.notOk(failed.includes('read: every field'), 'what it does not show is its own affair');
});

t.test(
  'one that shows no caller is held to what it refuses, and one that is down to everything',
  async (t) => {
    const url = await serve(t, serverTls, (_, response) => response.end('hello'));
    const { code, all } = await findings(t, url);
    t.equal(code, 1);
    t.ok(all.filter(({ check }) => check.startsWith('read:')).every(({ result }) => result === 'skipped'));
    const down = await findings(t, 'https://127.0.0.1:1/');
    t.equal(down.code, 1);
    t.match(down.all[0], { check: 'the gateway is let in', result: 'FAIL', found: /ECONNREFUSED/ });
    t.match(await runCli(['conformance', 'http://127.0.0.1:1/'], {}), {
      code: 2,
      stderr: /an https:\/\/ address/,
    });
  },
);
