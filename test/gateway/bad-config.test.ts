import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkText } from '../../cli/check/text.js';
import { CONFIG_PROBLEMS } from '../../contracts/config-problems.js';
import { checkConfig } from '../../gateway/index.js';
import { badConfigFiles } from '../fixtures/bad-config-files.js';

/**
 * Each config of test/fixtures/bad-config, named after its fault, and beside it what `gatehouse check` says about it, to
 * the letter. After a change that is meant: `SNAPSHOT=1 node test/run.js test/gateway/bad-config.test.ts`, and read the
 * difference.
 */
const DIR = 'test/fixtures/bad-config';
const NOW = Date.UTC(2026, 10, 25);
const SECRETS = /hunter2|correct-horse|c2VjcmV0|MIGHAg/;

t.test('bad configs', async (t) => {
  const pki = await badConfigFiles(t, NOW);
  const configs = readdirSync(DIR).filter((name) => !name.endsWith('.txt'));
  const found = new Set<string>();
  for (const name of configs) {
    const path = join(DIR, name);
    const { errors, warnings, options } = checkConfig(path, { PKI: pki }, NOW);
    for (const { code } of [...errors, ...warnings]) found.add(code);
    const text = checkText({
      config: path,
      ok: false,
      errors,
      warnings,
      routes: options?.value.routes.length ?? 0,
    });
    const said = `${text.replaceAll(pki, 'PKI')}\n`;
    const snapshot = join(DIR, `${name.replace(/\.yaml$/, '')}.txt`);
    if (process.env['SNAPSHOT'] === '1') writeFileSync(snapshot, said);
    t.equal(said, existsSync(snapshot) ? readFileSync(snapshot, 'utf8') : 'no snapshot', name);
    t.notMatch(said, SECRETS, `${name} tells no secret`);
  }
  t.ok(configs.length >= 30);

  t.test('every code there is, is the fault of one of them', async (t) => {
    // What is found out by asking others is in test/cli/check.test.ts, what a running gateway says in reload.test.ts.
    const online = Object.keys(CONFIG_PROBLEMS).filter((code) => code.startsWith('config_online_'));
    const running = ['config_needs_restart', 'config_version_unknown', 'config_internal_error'];
    t.strictSame([...found, ...online, ...running].sort(), Object.keys(CONFIG_PROBLEMS).sort());
  });

  t.test('every code has its row on the page', async (t) => {
    const rows = readFileSync('docs/config-errors.md', 'utf8').matchAll(/^\| `(config_[a-z_]+)` \|/gm);
    t.strictSame(
      [...rows].map(([, code]) => code),
      Object.keys(CONFIG_PROBLEMS),
    );
  });
});
