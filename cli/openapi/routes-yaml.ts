import { Document, isMap, isSeq } from 'yaml';
import { cell } from '../print.js';
import type { ImportNote, ImportReport } from './import-routes.js';

/** The routes as a file of the config, each below what there is to say about it. */
export function routesYaml({ source, openapi, routes, warnings, left_out: leftOut }: ImportReport): string {
  const names = new Set(routes.flatMap(({ operations }) => operations));
  const document = new Document({ routes: routes.map(({ route }) => route) });
  document.commentBefore = comment([
    `Made by "gatehouse import openapi" from ${source === '-' ? 'standard input' : source} (OpenAPI ${openapi}). Look through it; check, lint and routes tell more.`,
    ...warnings.filter(({ where }) => !names.has(where)).map(noteText),
    ...leftOut.map((note) => `LEFT OUT ${noteText(note)}`),
  ]);
  const list = document.get('routes', true);
  if (!isSeq(list)) throw new Error('the routes are a list');
  for (const [index, item] of list.items.entries()) {
    const { operations = [] } = routes[index] ?? {};
    if (!isMap(item)) continue;
    item.flow = true;
    const notes = warnings.filter(({ where }) => operations.includes(where));
    if (notes.length > 0) item.commentBefore = comment(notes.map(noteText));
  }
  return unpadded(document.toString({ lineWidth: 0 }));
}

/** `[GET]`, as people write it. No path, name or scope has a space in it. */
const unpadded = (yaml: string): string =>
  yaml.replaceAll(/^ +- .*$/gm, (line) => line.replaceAll('[ ', '[').replaceAll(' ]', ']'));

export const noteText = ({ where, message }: ImportNote): string => `${where}: ${message}`;

/**
 * What the document says stands in comments without whatever ends a line: it must become neither config nor, as
 * `lint-ignore`, somebody's consent.
 */
const comment = (lines: readonly string[]): string =>
  lines.map((line) => ` ${cell(line).replaceAll(/[\u2028\u2029]/g, ' ')}`).join('\n');
