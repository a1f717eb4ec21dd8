/**
 * JSON as a token may hold it. JSON.parse keeps the last of two members of one name where other parsers keep the first
 * (RFC 8725 section 2.4 asks for one reading), and takes any depth.
 */

const MAX_DEPTH = 16;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * The object in UTF-8 bytes, frozen through and through because many requests may share it. Undefined: bad UTF-8, not
 * JSON, no object, a repeated member, or too deep.
 */
export function parseStrictObject(bytes: Uint8Array): JsonObject | undefined {
  try {
    const text = utf8.decode(bytes);
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return hasOneReading(text) ? freezeDeep(value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

/** Walks text that JSON.parse has accepted: no member name twice in one object, `__proto__` nowhere, not too deep. */
function hasOneReading(text: string): boolean {
  // One set of member names for each open object, undefined for each open array.
  const open: (Set<string> | undefined)[] = [];
  const tokens = /"(?:[^"\\]|\\.)*"|[{}[\]:]/gs;
  let lastString = '';
  for (let match = tokens.exec(text); match !== null; match = tokens.exec(text)) {
    const token = match[0];
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(undefined);
    else if (token === '}' || token === ']') open.pop();
    else if (token === ':') {
      const name = JSON.parse(lastString) as string;
      const names = open.at(-1);
      if (names === undefined || names.has(name) || name === '__proto__') return false;
      names.add(name);
    } else lastString = token;
    if (open.length > MAX_DEPTH) return false;
  }
  return true;
}

/** To be called on what is known not to be deep. */
function freezeDeep<T extends object>(value: T): T {
  for (const member of Object.values(value)) {
    if (typeof member === 'object' && member !== null) freezeDeep(member);
  }
  return Object.freeze(value);
}
