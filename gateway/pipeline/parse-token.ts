import { Problem } from '../../contracts/problem.js';
import { type JsonObject, parseStrictObject } from './strict-json.js';

/** Node's default for all request headers together is 16 KiB; a token past half of it is no token of ours. */
const MAX_TOKEN_LENGTH = 8 * 1024;

/** A compact JWS taken apart. Nothing in it has been verified. */
export interface ParsedToken {
  text: string;
  header: JsonObject;
  payload: JsonObject;
  signatureBytes: number;
}

/**
 * Takes a compact JWS (RFC 7515 section 7.1) apart, strictly: three non-empty parts in the one canonical base64url
 * spelling (RFC 4648 section 3.5), JSON objects with one reading. Throws `token_malformed`.
 */
export function parseToken(text: string): ParsedToken {
  if (text.length > MAX_TOKEN_LENGTH) throw malformed();
  const parts = text.split('.');
  if (parts.length !== 3) throw malformed();
  const [headerBytes, payloadBytes, signature] = parts.map(decodePart);
  const header = parseStrictObject(headerBytes ?? new Uint8Array());
  const payload = parseStrictObject(payloadBytes ?? new Uint8Array());
  if (header === undefined || payload === undefined || signature === undefined) throw malformed();
  return { text, header, payload, signatureBytes: signature.length };
}

/** Buffer ignores padding, white space and the other alphabet; a part has to be what Buffer itself would write. */
function decodePart(part: string): Buffer {
  const bytes = Buffer.from(part, 'base64url');
  if (bytes.toString('base64url') !== part) throw malformed();
  return bytes;
}

const malformed = (): Problem => new Problem('token_malformed');
