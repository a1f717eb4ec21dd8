import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { get } from 'node:https';
import { connect } from 'node:net';
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

t.test('what is done to two workers is done to both', async (t) => {
  const route = { methods: ['GET'], auth: 'public' };
  const routes = (body: string) => [
    { ...route, path: '/*', reply: { body } },
    { ...route, path: '/slow', upstream: 'app' },
  ];
  const limits = { connections: 20 };
  const config = { workers: 2, shutdown_delay: '0s', limits, routes: routes('first') };
  const gateway = await startGatewayProcess(t, { tls: true, config });
  const { url, adminUrl, ca, configFile, configWith } = gateway;
  const post = async (path: string): Promise<ConfigReload> =>
    (await fetch(adminUrl + path, { method: 'POST' })).json() as Promise<ConfigReload>;
  const ready = async () => (await fetch(`${adminUrl}/ready`)).json() as Promise<ReadinessReport>;
  const metric = async (series: RegExp): Promise<number> => {
    const lines = (await (await fetch(`${adminUrl}/metrics`)).text()).split('\n');
    return lines
      .filter((line) => series.test(line))
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  };
  const ask = (path = '/'): Promise<Answer> =>
    new Promise((resolve, reject) => {
      get(url + path, { agent: false, ca, servername: 'a.test' }, (response) => {
        const serial = (response.socket as TLSSocket).getPeerCertificate().serialNumber;
        response.on('data', (body: Buffer) => resolve({ body: body.toString(), serial }));
      }).on('error', reject);
    });
  /** Each over a connection of its own, which go to the workers in turns. */
  const askAll = async (): Promise<Answer[]> => [await ask(), await ask(), await ask(), await ask()];
  const bodies = async (): Promise<string[]> => [...new Set((await askAll()).map(({ body }) => body))];
  const serials = async (): Promise<string[]> => [...new Set((await askAll()).map(({ serial }) => serial))];
  await eventually(ready, areTwoWithout([]));

  await t.test('a restart, which loses no count', async (t) => {
    const old = ((await ready()).workers ?? []).map(({ pid }) => pid);
    await askAll();
    await fetch(`${adminUrl}/workers/restart`, { method: 'POST' });
    await eventually(ready, areTwoWithout(old));
    t.equal(await metric(/^gatehouse_requests_total/), 4);
  });

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

  await t.test('a rollback, and what a worker begins with that comes later', async (t) => {
    writeFileSync(configFile, configWith({ routes: routes('second') }));
    t.not((await post('/config/reload')).result, 'refused');
    t.strictSame(await bodies(), ['second']);
    const [killed] = (await ready()).workers ?? [];
    process.kill(killed?.pid ?? 0, 'SIGKILL');
    await eventually(ready, areTwoWithout([killed?.pid]));
    t.strictSame(await bodies(), ['second']);
    t.match(await post('/config/rollback'), { result: 'applied', trigger: 'rollback' });
    t.strictSame(await bodies(), ['first']);
    t.match((await ready()).config, { origin: 'rollback', differs_from_file: true });
  });

  await t.test('a bound is that of both together', async (t) => {
    const sockets = Array.from({ length: 24 }, () => connect(Number(new URL(url).port), '127.0.0.1'));
    for (const socket of sockets) socket.on('error', () => undefined);
    // Of a limit of 20 each has 10, and may have one open yet from before.
    await eventually(
      () => metric(/^gatehouse_connections_refused_total\{limit="connections"/),
      (refused) => refused >= 4,
    );
    for (const socket of sockets) socket.destroy();
    await eventually(
      () => metric(/^gatehouse_open_connections/),
      (open) => open === 0,
    );
    t.pass('of 24 some were refused');
  });

  await t.test('Ctrl-C is sent to all processes, and breaks no request', async (t) => {
    const came = once(gateway.app, 'request') as Promise<[unknown, ServerResponse]>;
    const answered = ask('/slow');
    const [, response] = await came;
    const ended = gateway.process.end('SIGINT');
    await eventually(ready, ({ shutting_down }) => shutting_down === true);
    response.end('late');
    t.equal((await answered).body, 'late');
    t.equal(await ended, 'exit code 0');
  });
});

const isServing = ({ state }: { state: string }): boolean => state === 'serving';

/** Two that serve, and none of these. */
function areTwoWithout(pids: readonly (number | undefined)[]): (report: ReadinessReport) => boolean {
  return ({ workers = [] }) =>
    workers.length === 2 && workers.every(isServing) && workers.every(({ pid }) => !pids.includes(pid));
}
