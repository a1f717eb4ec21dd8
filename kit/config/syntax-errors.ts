import type { Document, YAMLError } from 'yaml';
import type { ConfigCode } from '../../contracts/config-problems.js';
import type { Range } from './source-text.js';

/** What the parser says, in words for whoever wrote the file. No message quotes the file. */
export function syntaxErrors(document: Document): { range: Range; code: ConfigCode; message: string }[] {
  const all = [...document.errors, ...document.warnings].sort((one, other) => one.pos[0] - other.pos[0]);
  return worthReporting(all).map((error) => ({
    range: { start: error.pos[0], end: error.pos[1] },
    code: CODES[error.code] ?? 'config_syntax',
    message: isBrace(error) ? BRACE : (WORDS[error.code] ?? plainMessage(error)),
  }));
}

/** After the first syntax error the parser is lost, and what it goes on to say is noise. */
function worthReporting(errors: readonly YAMLError[]): readonly YAMLError[] {
  const tab = errors.find(({ code }) => code === 'TAB_AS_INDENT');
  if (tab !== undefined) return [tab];
  const syntaxAt = errors.findIndex(({ code }) => code !== 'DUPLICATE_KEY');
  return syntaxAt === -1 ? errors : errors.slice(0, syntaxAt + 1);
}

const CODES: Partial<Record<YAMLError['code'], ConfigCode>> = {
  DUPLICATE_KEY: 'config_duplicate_key',
  TAB_AS_INDENT: 'config_tab',
};

const BRACE = 'a { within braces or brackets begins a map: put the value, a variable too, in quotes';

/** `{ port: ${PORT} }` is the slip that everybody makes once. */
const isBrace = ({ code, message }: YAMLError): boolean =>
  code === 'UNEXPECTED_TOKEN' && message.includes('flow-map-start');

const WORDS: Partial<Record<YAMLError['code'], string>> = {
  DUPLICATE_KEY: 'this key stands above already: keep one of them',
  TAB_AS_INDENT: 'a tab cannot indent: use spaces',
  MULTIPLE_DOCS: '--- begins a second document: keep one, or give each a file of its own in a folder',
  TAG_RESOLVE_FAILED: 'tags mean nothing here: remove it, or put the value in quotes',
  BLOCK_AS_IMPLICIT_KEY:
    'a second ": " on the line: put a value that holds one in quotes, or begin a new line',
  BAD_SCALAR_START: 'a value cannot begin with this character: put it in quotes',
  BAD_INDENT: 'not indented as what it belongs to, or a bracket above is not closed',
};

/** The parser's own positions are said better by the one in front, and what it quotes may be a secret. */
function plainMessage({ message }: YAMLError): string {
  const [line = message] = message.split('\n', 1);
  return line.replace(/ at line \d+, column \d+:?$/, '').replace(/: ".*$/, '');
}
