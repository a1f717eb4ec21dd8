import type { ConfigProblem } from './config-problem.js';
import { SourceText } from './source-text.js';

/** UTF-8 with or without a byte order mark; anything else is a problem at its first wrong byte. */
export function decodeText(bytes: Uint8Array, file: string): string | ConfigProblem {
  const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  if (isUtf16) {
    const message = 'the file is UTF-16: save it as UTF-8';
    return { file, line: 1, column: 1, code: 'config_encoding', message };
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const good = goodPrefix(bytes);
    const byte = (bytes[good.length] ?? 0).toString(16).toUpperCase().padStart(2, '0');
    const { line, column } = new SourceText(file, good.text).place({
      start: good.text.length,
      end: good.text.length,
    });
    const message = `the byte 0x${byte} is not UTF-8: save the file as UTF-8`;
    return { file, line, column, code: 'config_encoding', message };
  }
}

function goodPrefix(bytes: Uint8Array): { text: string; length: number } {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  let length = 0;
  for (const byte of bytes) {
    try {
      const more = decoder.decode(Uint8Array.of(byte), { stream: true });
      text += more;
      if (more !== '') length += Buffer.byteLength(more);
    } catch {
      break;
    }
  }
  return { text, length };
}
