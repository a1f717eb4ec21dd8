import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { LineCounter, parseDocument } from 'yaml';
import { StartupError } from '../../kit/startup-error.js';
import { terminal } from '../terminal.js';
import { mapAt, member, type Node, unusable } from './problem.js';

export interface OpenApiDocument {
  /** As it was named on the command line. */
  file: string;
  /** `3.0.x` or `3.1.x`. */
  version: string;
  root: Node;
}

/** Reads OpenAPI 3.0 or 3.1, YAML or JSON, from a file or standard input (`-`). Throws StartupError. */
export async function readDocument(file: string): Promise<OpenApiDocument> {
  const source = await readSource(file);
  const lineCounter = new LineCounter();
  const document = parseDocument(source, { lineCounter, prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lineCounter.linePos(error.pos[0]);
    throw unusable(`${file}:${line}:${col}`, `neither YAML nor JSON: ${error.message.split('\n')[0]}`);
  }
  const root = mapAt(toPlain(document, file), file);
  return { file, version: versionOf(root, file), root };
}

async function readSource(file: string): Promise<string> {
  try {
    return await (file === '-' ? text(terminal().stdin) : readFile(file, 'utf8'));
  } catch (cause) {
    throw new StartupError(`cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
}

/** Aliases that would grow without end are refused here. */
function toPlain(document: ReturnType<typeof parseDocument>, file: string): unknown {
  try {
    return document.toJS();
  } catch (cause) {
    throw new StartupError(`${file}: ${(cause as Error).message}`, { cause });
  }
}

function versionOf(root: Node, file: string): string {
  if (member(root, 'swagger') !== undefined)
    throw unusable(file, 'this is Swagger 2.0: convert it to OpenAPI 3 first');
  const version = member(root, 'openapi');
  if (typeof version !== 'string')
    throw unusable(file, 'this is no OpenAPI document: it has no openapi: 3.x');
  if (!/^3\.[01]\.\d+$/.test(version))
    throw unusable(file, `OpenAPI 3.0 and 3.1 are read, not ${JSON.stringify(version.slice(0, 20))}`);
  return version;
}
