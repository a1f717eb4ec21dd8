import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Type } from 'typebox';
import {
  ConfigError,
  type ConfigFile,
  type Env,
  inspectConfigFile,
  parseConfig,
  readConfigFile,
} from '../../kit/config-file.js';
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

t.test('a variable alone is a number where one is wanted, quoted or not', async (t) => {
  const listen = (port: string, text = 'u') => ({
    ...GOOD,
    'a.yaml': `listen: { port: ${port} }\nupstreams: { one: { url: ${text} } }\n`,
  });
  const read = (files: Record<string, string>) =>
    readConfigFile(folder(t, files), Schema, { PORT: '81' }).value;
  t.equal(read(listen(`"\${PORT}"`)).listen.port, 81);
  t.equal(read(listen(`"\${NONE:-82}"`)).listen.port, 82);
  t.equal(read(listen('1', `"\${PORT}"`)).upstreams['one']?.url, '81', 'and text where text is wanted');
  t.match(refusal(folder(t, listen('"81"'))), [/a whole number, and is "81": write it without quotes/]);
});

t.test('secrets: from files, never told, blotted out of every frame', async (t) => {
  const dir = folder(t, { secret: 'from-a-file\n\n' });
  const SecretSchema = Type.Object(
    { secret: Type.String({ writeOnly: true, pattern: '^from' }), other: Type.Optional(Type.Integer()) },
    closed,
  );
  const inspect = (text: string, env: Env = {}) => {
    const file = join(folder(t, { 'a.yaml': text }), 'a.yaml');
    const { config, problems } = inspectConfigFile(file, SecretSchema, env);
    return { config, problems, told: JSON.stringify(problems) };
  };
  const good = inspect(`secret: "\${WHERE}"`, { WHERE: `file:${join(dir, 'secret')}` });
  t.equal(good.config?.value.secret, 'from-a-file\n', 'without the line break that ends it');
  t.equal(good.config?.sources[1], join(dir, 'secret'));
  t.match(good.problems, [{ code: 'config_secret_readable' }]);
  t.equal(good.config?.warnings.length, 1);

  for (const text of [
    'secret: hunter2\nother: x',
    'secret: [hunter2, hunter2]',
    'secret: "hunter2"\n"other": x',
    'secert: hunter2',
    'other: x\npassword: hunter2',
    'secret: |\n  hunter2\n  hunter2\nother: x',
    'other: https://ann:hunter2@a.test',
    'other: { kty: EC, d: hunter2 }',
    'other: |\n  -----BEGIN PRIVATE KEY-----\n  hunter2\n  -----END PRIVATE KEY-----',
    `secret: \${NONE:-hunter2}\nother: x`,
    `secret: \${PASSWORD}`,
    `other: \${PASSWORD_URL}`,
    '{ secret: hunter2, other: [',
    'secret: "hunter2\n',
    'secret: a: hunter2',
    'secret: hunter2\n\tother: x',
  ]) {
    const { problems, told } = inspect(text, {
      PASSWORD: 'hunter2',
      PASSWORD_URL: 'https://a:hunter2@b.test',
    });
    t.ok(problems.length > 0, text);
    t.notMatch(told, 'hunter2', text);
  }
});

t.test('a frame: the line, its neighbours and a mark that fits, whatever stands before it', async (t) => {
  const frame = (text: string) => {
    try {
      parseConfig(
        text,
        'a.yaml',
        Type.Object({ n: Type.Integer(), redis_url: Type.String({ writeOnly: true }) }),
        {},
      );
    } catch (error) {
      return (error as ConfigError).problems.map((problem) => problem.frame);
    }
    return [];
  };
  t.strictSame(frame('{ redis_url: aaaaaaaaaaaaaaaaaaaa, n: x }\r\n'), [
    '> 1 | { redis_url: ***, n: x }\n    |                      ^',
  ]);
  t.strictSame(frame('redis_url: a\nn: "\u001b[2J"'), [
    '  1 | redis_url: ***\n> 2 | n: "\u00B7[2J"\n    |    ^^^^^^',
  ]);
  t.match(
    frame(`{ x: ${'y'.repeat(500)}, n: x, redis_url: a }`)[0],
    /^> 1 \| y+, n: x, redis_url: \*\*\* }\n {4}\| {81}\^$/,
  );
});
