import { writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { dirname, join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import t from 'tap';
import type { ConfigReload, ReadinessReport } from '../../contracts/admin-api.js';
import { spiffeId } from '../../contracts/spiffe.js';
import { eventually } from '../fixtures/eventually.js';
import { startGatewayProcess } from '../fixtures/gateway-process.js';
import { testPki } from '../fixtures/pki.js';

interface Answer {
  body: string;
  /** Of the gateway's certificate. */
  serial: string;
}

t.test('what two workers go by changes for both', async (t) => {
  const route = (body: string) => [{ path: '/*', methods: ['GET'], auth: 'public', reply: { body } }];
  const config = { workers: 2, shutdown_delay: '0s', routes: route('first') };
  const gateway = await startGatewayProcess(t, { tls: true, config });
  const { url, adminUrl, ca, configFile, configWith } = gateway;
  const post = async (path: string): Promise<ConfigReload> =>
    (await fetch(adminUrl + path, { method: 'POST' })).json() as Promise<ConfigReload>;
  const ready = async () => (await fetch(`${adminUrl}/ready`)).json() as Promise<ReadinessReport>;
  const ask = (): Promise<Answer> =>
    new Promise((resolve, reject) => {
      get(url, { agent: false, ca, servername: 'a.test' }, (response) => {
        const serial = (response.socket as TLSSocket).getPeerCertificate().serialNumber;
        response.on('data', (body: Buffer) => resolve({ body: body.toString(), serial }));
      }).on('error', reject);
    });
  /** Each over a connection of its own, which go to the workers in turns. */
  const askAll = async (): Promise<Answer[]> => [await ask(), await ask(), await ask(), await ask()];
  const bodies = async (): Promise<string[]> => [...new Set((await askAll()).map(({ body }) => body))];
  const serials = async (): Promise<string[]> => [...new Set((await askAll()).map(({ serial }) => serial))];
  await eventually(ready, ({ workers = [] }) => workers.length === 2 && workers.every(isServing));

  await t.test('a certificate', async (t) => {
    const [before = ''] = await serials();
    const pki = await testPki();
    const renewed = await pki.leaf('renewed', spiffeId('listener'), { dnsNames: ['a.test'] });
    const write = (name: string, text: string) => writeFileSync(join(dirname(configFile), name), text);
    write('listener.pem', 'no certificate');
    t.match(await post('/config/reload'), {
      result: 'refused',
      problems: [{ code: 'config_certificate_file' }],
    });
    t.strictSame(await serials(), [before], 'one that cannot be read is taken up by neither');
    write('listener.pem', renewed.cert);
    write('listener-key.pem', renewed.key);
    t.not((await post('/config/reload')).result, 'refused');
    const after = await serials();
    t.equal(after.length, 1, 'both have the same one');
    t.not(after[0], before);
    t.equal((await ready()).workers?.length, 2);
  });

  await t.test('a rollback, also for a worker that comes later', async (t) => {
    writeFileSync(configFile, configWith({ routes: route('second') }));
    t.not((await post('/config/reload')).result, 'refused');
    t.strictSame(await bodies(), ['second']);
    t.match(await post('/config/rollback'), { result: 'applied', trigger: 'rollback' });
    t.strictSame(await bodies(), ['first']);
    const [killed] = (await ready()).workers ?? [];
    process.kill(killed?.pid ?? 0, 'SIGKILL');
    await eventually(
      ready,
      ({ workers = [] }) =>
        workers.length === 2 && workers.every(isServing) && workers.every(({ pid }) => pid !== killed?.pid),
    );
    t.strictSame(await bodies(), ['first']);
    t.match((await ready()).config, { origin: 'rollback', differs_from_file: true });
  });
});

const isServing = ({ state }: { state: string }): boolean => state === 'serving';
