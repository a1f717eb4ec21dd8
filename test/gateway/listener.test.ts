import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';
import { spiffeId } from '../../contracts/spiffe.js';
import type { Pem } from '../../kit/dev-pki.js';
import { testPki } from '../fixtures/pki.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';
import { startTestGateway } from '../fixtures/test-gateway.js';

/** What the public listener shows to a client that asks for `servername`. */
function shownTo(url: string, servername: string, ca: string): Promise<{ names: string; socket: TLSSocket }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port), servername, ca }, () => {
      resolve({ names: socket.getPeerCertificate().subjectaltname ?? '', socket });
    });
    socket.on('error', reject);
  });
}

async function tlsGateway(t: Test, pems: Pem[], more: object = {}) {
  const dir = temporaryFolder(t);
  const certificates = pems.map((pem, index) => {
    const files = { cert: join(dir, `${index}.pem`), key: join(dir, `${index}-key.pem`) };
    writeFileSync(files.cert, pem.cert);
    writeFileSync(files.key, pem.key);
    return files;
  });
  const pki = await testPki();
  const clientCa = join(dir, 'client-ca.pem');
  writeFileSync(clientCa, pki.ca);
  const gateway = await startTestGateway(t, {
    config: { listen: { host: '127.0.0.1', port: 0, tls: { certificates, ...more } } },
  });
  return { ...gateway, certificates, clientCa, ca: pki.ca };
}

t.test('TLS 1.2 and up, a certificate for each name, the first for the rest', async (t) => {
  const pki = await testPki();
  const a = await pki.leaf('a', spiffeId('a'), { dnsNames: ['a.test'] });
  const b = await pki.leaf('b', spiffeId('b'), { dnsNames: ['b.test', '*.wild.test'] });
  const { url, ca } = await tlsGateway(t, [a, b]);
  t.match(url, /^https:/);
  for (const [servername, expected] of [
    ['a.test', /a\.test/],
    ['b.test', /b\.test/],
    ['x.wild.test', /b\.test/],
  ] as const) {
    const { names, socket } = await shownTo(url, servername, ca);
    t.match(names, expected, servername);
    socket.destroy();
  }
  const old = connect({
    host: '127.0.0.1',
    port: Number(new URL(url).port),
    servername: 'a.test',
    ca,
    maxVersion: 'TLSv1.1',
    minVersion: 'TLSv1',
  });
  await t.rejects(new Promise((_, reject) => old.on('error', reject)));
});

t.test(
  'new certificates are taken up without dropping a connection; a broken file changes nothing',
  async (t) => {
    const pki = await testPki();
    const first = await pki.leaf('first', spiffeId('first'), { dnsNames: ['a.test', 'first.test'] });
    const second = await pki.leaf('second', spiffeId('second'), { dnsNames: ['a.test', 'second.test'] });
    const { url, ca, certificates, logs } = await tlsGateway(t, [first]);
    const { socket } = await shownTo(url, 'a.test', ca);
    const [files] = certificates;
    writeFileSync(files?.cert ?? '', 'broken');
    while (!logs.some((line) => line.includes('config refused'))) await new Promise((r) => setTimeout(r, 20));
    t.match((await shownTo(url, 'a.test', ca)).names, /first\.test/);
    writeFileSync(files?.key ?? '', second.key);
    writeFileSync(files?.cert ?? '', second.cert);
    while (!logs.some((line) => line.includes('config applied'))) await new Promise((r) => setTimeout(r, 20));
    const renewed = await shownTo(url, 'a.test', ca);
    t.match(renewed.names, /second\.test/);
    renewed.socket.destroy();
    socket.write('GET /public/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    const [chunk] = (await new Promise((resolve) => socket.once('data', (data) => resolve([data])))) as [
      Buffer,
    ];
    t.match(chunk.toString(), /^HTTP\/1.1 200/, 'the old connection still serves');
  },
);

t.test('a listener that cannot use its certificate does not start', async (t) => {
  const pki = await testPki();
  const a = await pki.leaf('a', spiffeId('a'));
  const b = await pki.leaf('b', spiffeId('b'));
  await t.rejects(tlsGateway(t, [{ cert: a.cert, key: b.key }]), {
    name: 'StartupError',
    message: /not a usable pair/,
  });
});

t.test('X-Forwarded-For is believed from a trusted proxy only', async (t) => {
  for (const [trusted, expected, proto] of [
    [[], '127.0.0.1', 'http'],
    [['127.0.0.0/8'], '9.9.9.9, 1.2.3.4, 127.0.0.1', 'https'],
    [['10.0.0.0/8'], '127.0.0.1', 'http'],
  ] as const) {
    const { url, seen } = await startTestGateway(t, {
      config: { listen: { host: '127.0.0.1', port: 0, trusted_proxies: trusted } },
    });
    await fetch(`${url}/public/x`, {
      headers: { 'x-forwarded-for': '9.9.9.9, 1.2.3.4', 'x-forwarded-proto': 'https' },
    });
    const headers = new Map(seen[0]?.headers);
    t.equal(headers.get('x-forwarded-for'), expected);
    t.equal(headers.get('x-forwarded-proto'), proto);
    t.match(headers.get('via'), /gatehouse/);
  }
  await t.rejects(
    startTestGateway(t, {
      config: { listen: { host: '127.0.0.1', port: 0, trusted_proxies: ['10.0.0.0/99'] } },
    }),
    { message: /config_address/ },
  );
});
