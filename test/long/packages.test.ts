import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import t from 'tap';
import type ts from 'typescript';
import { layOutPackages } from '../../cli/generate/packages.js';
import { packageRoot } from '../../kit/package-root.js';
import { installPackages } from '../fixtures/install-packages.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';

const compiler = createRequire(import.meta.url)('typescript') as typeof ts;
const root = packageRoot();

/** As `npm run build` does, but only what the packages need. */
function compile(outDir: string): void {
  const read = compiler.readConfigFile(join(root, 'tsconfig.json'), (path) => readFileSync(path, 'utf8'));
  const config: unknown = read.config;
  const { options } = compiler.parseJsonConfigFileContent(config, compiler.sys, root);
  const entries = ['client/index.ts', 'upstream-kit/index.ts', 'upstream-kit/testing/index.ts'];
  const emit = { ...options, outDir, noEmit: false, declaration: true };
  compiler
    .createProgram(
      entries.map((entry) => join(root, entry)),
      emit,
    )
    .emit();
}

/** What is wrong with a program of somebody who has installed the packages. */
function typeErrors(file: string, options: ts.CompilerOptions): string[] {
  const modules = {
    module: compiler.ModuleKind.NodeNext,
    moduleResolution: compiler.ModuleResolutionKind.NodeNext,
  };
  const program = compiler.createProgram([file], { ...modules, strict: true, noEmit: true, ...options });
  return compiler
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => compiler.flattenDiagnosticMessageText(messageText, ' '));
}

t.test('the packages are whole by themselves, types included', (t) => {
  const dir = temporaryFolder(t);
  compile(join(dir, 'built'));
  const folders = layOutPackages(join(dir, 'built'), join(dir, 'packages'));
  installPackages(t, folders, dir);

  const page = join(dir, 'team/page.mts');
  writeFileSync(
    page,
    `import { createClient, type Identity } from 'gatehouse-client';
     export const who: Promise<Identity | undefined> = createClient({ baseUrl: location.href }).getIdentity();`,
  );
  // A front end has the DOM and no types of Node's.
  const inBrowsers = { lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'], types: [] };
  t.strictSame(typeErrors(page, inBrowsers), []);
  writeFileSync(page, `import { createClient } from 'gatehouse-client';\ncreateClient({ baseUrl: 1 });`);
  t.match(typeErrors(page, inBrowsers), [/'number' is not assignable/]);

  const service = join(dir, 'team/service.mts');
  const plain = `import { gatewayServerOptions, readIdentity } from 'gatehouse-upstream';
     import { identityHeaders } from 'gatehouse-upstream/testing';
     export const who: string | undefined = readIdentity(Object.entries(identityHeaders()).flat()).subject;
     export const options = gatewayServerOptions({ ca: '', cert: '', key: '' });`;
  writeFileSync(service, plain);
  const inNode = {
    lib: ['lib.es2023.d.ts'],
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
  };
  t.strictSame(
    typeErrors(service, inNode),
    [],
    'a team without Fastify compiles, its libraries’ types checked',
  );

  symlinkSync(join(root, 'node_modules/fastify'), join(dir, 'team/node_modules/fastify'));
  const withFastify = (expression: string) => {
    const program = `import Fastify from 'fastify';
     import { gatehouseIdentity, requireScope } from 'gatehouse-upstream';
     const app = Fastify({ https: {} });
     await app.register(gatehouseIdentity);
     app.get('/', { preHandler: requireScope('a') }, (request) => ${expression});`;
    writeFileSync(service, program);
    return typeErrors(service, { ...inNode, target: compiler.ScriptTarget.ES2022, skipLibCheck: true });
  };
  t.strictSame(withFastify('request.identity.subject'), []);
  t.match(
    withFastify('request.identity.nobody'),
    [/'nobody' does not exist/],
    'and with Fastify all is typed',
  );
  t.end();
});
