import { createReadStream } from 'node:fs';
import { StartupError } from '../kit/startup-error.js';
import { terminal } from './terminal.js';

/** No line that we write is longer; more of one is not kept, so that a file without line ends takes no memory. */
const MAX_LINE = 64 * 1024;

/** The lines of a file, or of standard input for `-`, one by one. Throws StartupError when it cannot be read. */
export async function* readLines(path: string): AsyncGenerator<string> {
  const stream = path === '-' ? terminal().stdin : createReadStream(path);
  stream.setEncoding('utf8');
  let rest = '';
  try {
    for await (const chunk of stream as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = (lines.pop() ?? '').slice(0, MAX_LINE);
      yield* lines;
    }
  } catch (cause) {
    throw new StartupError(`cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
  if (rest !== '') yield rest;
}
