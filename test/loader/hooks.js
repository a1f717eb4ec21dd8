/** Module hooks (Node's `module.register` and `module.registerHooks`): `./x.js` is `./x.ts` where there is one. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compiledText } from './compiled-text.js';

export function resolve(specifier, context, next) {
  if (!/^\.{1,2}\/.*\.js$/.test(specifier) || !isOurs(context.parentURL)) return next(specifier, context);
  const { href } = new URL(`${specifier.slice(0, -3)}.ts`, context.parentURL);
  if (!existsSync(fileURLToPath(href))) return next(specifier, context);
  return { url: href, format: 'module', shortCircuit: true };
}

export function load(url, context, next) {
  if (!url.startsWith('file:') || !/\.m?ts$/.test(url)) return next(url, context);
  return { format: 'module', source: compiledText(fileURLToPath(url)), shortCircuit: true };
}

/** What was typed on the command line (`-e`) stands in the working directory. */
const isOurs = (url) => url?.startsWith('file:') === true && !url.includes('/node_modules/');
