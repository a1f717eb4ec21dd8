import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import t, { type Test } from 'tap';
import { createCertificateAuthority, ensureDevPki, type LeafSpec, type Pem } from '../../kit/dev-pki.js';
import { StartupError } from '../../kit/startup-error.js';

const DAY_MS = 86_400_000;
const gateway: LeafSpec = { name: 'gateway', spiffeId: 'spiffe://gatehouse.internal/gateway' };
const orders: LeafSpec = { name: 'orders', spiffeId: 'spiffe://gatehouse.internal/orders' };

const newDir = (t: Test) => join(t.testdir(), 'pki');
const read = (dir: string) =>
  Object.fromEntries(readdirSync(dir).map((name) => [name, readFileSync(join(dir, name), 'utf8')]));

/** Which of two certificates each side saw, or the error of the side that refused. */
async function handshake(
  ca: string,
  server: Pem,
  client: Pem,
): Promise<{ serverSaw: string; clientSaw: string }> {
  const listener = tls.createServer({ ...server, ca, requestCert: true, rejectUnauthorized: true });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  try {
    const accepted = new Promise<tls.TLSSocket>((resolve, reject) => {
      listener.once('secureConnection', resolve).once('tlsClientError', reject);
    });
    const { port } = listener.address() as AddressInfo;
    const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca, ...client });
    socket.on('error', () => undefined);
    try {
      const [peer] = await Promise.all([accepted, once(socket, 'secureConnect')]);
      const seen = (of: tls.TLSSocket) => of.getPeerCertificate().subjectaltname ?? '';
      return { serverSaw: seen(peer), clientSaw: seen(socket) };
    } finally {
      socket.destroy();
    }
  } finally {
    listener.close();
  }
}

t.test('a leaf serves and calls over mutual TLS with its SPIFFE id', async (t) => {
  const ca = await createCertificateAuthority();
  const [server, client] = await Promise.all([ca.issue(orders), ca.issue(gateway)]);
  t.strictSame(await handshake(ca.cert, server, client), {
    serverSaw: 'URI:spiffe://gatehouse.internal/gateway, DNS:localhost, IP Address:127.0.0.1',
    clientSaw: 'URI:spiffe://gatehouse.internal/orders, DNS:localhost, IP Address:127.0.0.1',
  });
});

t.test('the certificate of a CA with the same name is refused', async (t) => {
  const [ca, other] = await Promise.all([createCertificateAuthority(), createCertificateAuthority()]);
  const [server, stranger] = await Promise.all([ca.issue(orders), other.issue(gateway)]);
  await t.rejects(handshake(ca.cert, server, stranger));
  await t.rejects(handshake(ca.cert, stranger, server));
});

t.test('certificates say what they may be used for and how long', async (t) => {
  const nowMs = Date.UTC(2030, 0, 1);
  const ca = await createCertificateAuthority({ now: () => nowMs });
  const authority = new X509Certificate(ca.cert);
  t.ok(authority.ca);
  t.equal(Date.parse(authority.validTo) - nowMs, 3650 * DAY_MS);
  const leaf = new X509Certificate((await ca.issue(gateway)).cert);
  t.notOk(leaf.ca, 'a leaf cannot sign others');
  t.ok(leaf.checkIssued(authority));
  t.strictSame([...leaf.keyUsage].sort(), ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'], 'server and client');
  t.equal(Date.parse(leaf.validFrom), nowMs - 5 * 60_000, 'backdated five minutes');
  t.equal(Date.parse(leaf.validTo) - nowMs, 90 * DAY_MS);
});

t.test('files are their owner’s alone, even where they were left open', async (t) => {
  const dir = newDir(t);
  const files = await ensureDevPki({ dir, leaves: [gateway] });
  chmodSync(files.leaf('gateway').key, 0o644);
  await ensureDevPki({ dir, leaves: [gateway] });
  t.equal(statSync(dir).mode & 0o777, 0o700);
  t.strictSame(readdirSync(dir).sort(), ['ca-key.pem', 'ca.pem', 'gateway-key.pem', 'gateway.pem']);
  for (const name of readdirSync(dir)) t.equal(statSync(join(dir, name)).mode & 0o777, 0o600, name);
  t.throws(() => files.leaf('unknown'));
});

t.test('what is good is kept', async (t) => {
  const dir = newDir(t);
  await ensureDevPki({ dir, leaves: [gateway, orders] });
  const before = read(dir);
  const later = () => Date.now() + 59 * DAY_MS;
  await ensureDevPki({ dir, leaves: [gateway, orders], now: later });
  t.strictSame(read(dir), before);
});

t.test('a leaf is made anew, and only that leaf', async (t) => {
  const cases: Record<string, (dir: string) => { leaf?: LeafSpec; now?: () => number } | undefined> = {
    'when it expires within 30 days': () => ({ now: () => Date.now() + 61 * DAY_MS }),
    'when its SPIFFE id changed': () => ({
      leaf: { ...gateway, spiffeId: 'spiffe://gatehouse.internal/other' },
    }),
    'when its DNS names changed': () => ({ leaf: { ...gateway, dnsNames: ['gateway.example'] } }),
    'when its certificate was cut off': (dir) => void truncateSync(join(dir, 'gateway.pem'), 100),
    'when its key is another one': (dir) =>
      void writeFileSync(join(dir, 'gateway-key.pem'), readFileSync(join(dir, 'ca-key.pem'))),
  };
  for (const [title, change] of Object.entries(cases)) {
    await t.test(title, async (t) => {
      const dir = newDir(t);
      await ensureDevPki({ dir, leaves: [gateway] });
      const before = read(dir);
      const { leaf = gateway, now } = change(dir) ?? {};
      const files = await ensureDevPki({ dir, leaves: [leaf], ...(now && { now }) });
      const after = read(dir);
      t.equal(after['ca.pem'], before['ca.pem'], 'the CA stays');
      t.not(after['gateway.pem'], before['gateway.pem']);
      const certificate = new X509Certificate(readFileSync(files.leaf('gateway').cert));
      t.ok(certificate.verify(new X509Certificate(readFileSync(files.ca)).publicKey));
      t.match(certificate.subjectAltName, `URI:${leaf.spiffeId}`);
    });
  }
});

t.test('a new CA takes its leaves with it', async (t) => {
  const dir = newDir(t);
  const files = await ensureDevPki({ dir, leaves: [gateway] });
  writeFileSync(join(dir, 'ca-key.pem'), 'nonsense');
  await ensureDevPki({ dir, leaves: [gateway] });
  const certificate = new X509Certificate(readFileSync(files.leaf('gateway').cert));
  t.ok(certificate.verify(new X509Certificate(readFileSync(files.ca)).publicKey));
});

t.test('a folder that cannot be made is a start-up error of one line', async (t) => {
  const file = join(t.testdir(), 'file');
  writeFileSync(file, '');
  const error = await ensureDevPki({ dir: join(file, 'pki'), leaves: [gateway] }).catch((e: unknown) => e);
  t.ok(error instanceof StartupError && !error.message.includes('\n') && error.message.includes(file));
});
