import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Type } from 'typebox';
import { ConfigError, type ConfigFile, type Env, readConfigFile } from '../../kit/config-file.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';

const closed = { additionalProperties: false };
const Schema = Type.Object(
  {
    listen: Type.Object({ port: Type.Integer() }, closed),
    upstreams: Type.Record(
      Type.String({ pattern: '^[a-z]+$' }),
      Type.Object({ url: Type.String() }, closed),
      closed,
    ),
    routes: Type.Array(Type.Object({ path: Type.String({ pattern: '^/' }) }, closed)),
  },
  closed,
);

function folder(t: Test, files: Record<string, string>): string {
  const dir = temporaryFolder(t);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return dir;
}

/** The lines of the ConfigError, with paths below the folder. */
function refusal(path: string, env: Env = {}): string[] {
  try {
    readConfigFile(path, Schema, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.replaceAll(`${path}/`, '').split('\n');
    throw error;
  }
  return [];
}

const GOOD = {
  'a.yaml': 'listen: { port: 1 }\nupstreams:\n  one: { url: u1 }\nroutes:\n  - path: /a1\n  - path: /a2\n',
  'b.yml': 'routes:\n  - path: /b1\n  - path: /b2\nupstreams: { two: { url: u2 } }\n',
};

const placeOf = (file: ConfigFile<unknown>, ...path: (string | number)[]): string => {
  const { file: name, line, column } = file.place(path);
  return `${name.slice(file.file.length + 1)}:${line}:${column}`;
};

t.test('a folder is its files, merged by name and in order, each value knowing its place', async (t) => {
  const dir = folder(t, {
    ...GOOD,
    'Z.yaml': 'routes: [ { path: /z } ]',
    'notes.txt': '{{{',
    '.x.yaml': '{',
  });
  mkdirSync(join(dir, 'below.yaml'));
  const config = readConfigFile(dir, Schema, {});
  t.strictSame(config.value, {
    routes: ['/z', '/a1', '/a2', '/b1', '/b2'].map((path) => ({ path })),
    listen: { port: 1 },
    upstreams: { one: { url: 'u1' }, two: { url: 'u2' } },
  });
  t.strictSame(
    config.sources,
    ['Z.yaml', 'a.yaml', 'b.yml'].map((name) => join(dir, name)),
    'by the bytes of their names',
  );
  t.equal(placeOf(config, 'routes', 4, 'path'), 'b.yml:3:11');
  t.equal(placeOf(config, 'upstreams', 'two'), 'b.yml:4:14');
  t.equal(placeOf(config, 'listen', 'port'), 'a.yaml:1:17');
  t.match(config.problem(['routes', 1, 'path'], 'config_value', 'm'), { file: join(dir, 'a.yaml'), line: 5 });
});

t.test('a ConfigMap: the files are links into ..data, and each is read once', async (t) => {
  const dir = temporaryFolder(t);
  mkdirSync(join(dir, '..2026_11_25'));
  for (const [name, text] of Object.entries(GOOD)) {
    writeFileSync(join(dir, '..2026_11_25', name), text);
    symlinkSync(join('..data', name), join(dir, name));
  }
  symlinkSync('..2026_11_25', join(dir, '..data'));
  t.equal(readConfigFile(dir, Schema, {}).value.routes.length, 4);
});

t.test('what stands in two files is refused, with both places', async (t) => {
  const files = { ...GOOD, 'c.yaml': 'listen: { port: 2 }\nupstreams:\n  one: { url: u3 }\n' };
  t.strictSame(refusal(folder(t, files)), [
    'c.yaml:1:1 config_duplicate_key: listen stands at a.yaml:1 too: keep one of them',
    'c.yaml:3:3 config_duplicate_key: upstreams.one stands at a.yaml:3 too: keep one of them',
  ]);
});

t.test('all that is wrong in all files comes at once', async (t) => {
  const files = { 'a.yaml': 'a: [', 'b.yaml': `b: \${MISSING}` };
  t.match(refusal(folder(t, files)), [/^a.yaml:1:5 config_syntax/, /^b.yaml:1:4 config_env_missing/]);
  const forms = { ...GOOD, 'c.yaml': 'routes: [ { path: x } ]', 'd.yaml': 'lisen: {}' };
  t.match(refusal(folder(t, forms)).sort(), [
    /^c.yaml:1:19 config_value: path has to begin with \//,
    /^d.yaml:1:1 config_unknown_key/,
  ]);
});

t.test('a folder without config is refused', async (t) => {
  const dir = temporaryFolder(t);
  t.throws(
    () => readConfigFile(dir, Schema, {}),
    /config_unreadable: there is no \*\.yaml or \*\.yml in this folder/,
  );
  t.throws(
    () => readConfigFile(join(dir, 'gone'), Schema, {}),
    /gone:1:1 config_unreadable: cannot read the config: there is no such file/,
  );
  symlinkSync('nowhere', join(dir, 'a.yaml'));
  t.throws(
    () => readConfigFile(dir, Schema, {}),
    /a.yaml:1:1 config_unreadable: cannot read the config: there is no such file/,
  );
});
