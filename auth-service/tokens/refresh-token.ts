import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * `gtr_` + base64url(version, family id, generation, MAC) (design 4.6). The MAC is HMAC-SHA-256 over what stands before
 * it, keyed with the family's own secret: every instance derives the same token for a generation, and none is stored.
 */
export interface RefreshToken {
  /** UUID. */
  familyId: string;
  generation: number;
  /** What the MAC covers. */
  signed: Buffer;
  mac: Buffer;
}

const PREFIX = 'gtr_';
const VERSION = 1;
const FAMILY_AT = 1;
const GENERATION_AT = FAMILY_AT + 16;
const MAC_AT = GENERATION_AT + 4;
const TOKEN_BYTES = MAC_AT + 32;

export const FAMILY_SECRET_BYTES = 32;

export function formatRefreshToken(familyId: string, generation: number, secret: Buffer): string {
  const signed = Buffer.alloc(MAC_AT);
  signed.writeUInt8(VERSION);
  signed.write(familyId.replaceAll('-', ''), FAMILY_AT, 'hex');
  signed.writeUInt32BE(generation, GENERATION_AT);
  return PREFIX + Buffer.concat([signed, macOf(signed, secret)]).toString('base64url');
}

/** The parts of a token, nothing verified; undefined when the text is not one token's only spelling. */
export function parseRefreshToken(text: string): RefreshToken | undefined {
  if (!text.startsWith(PREFIX)) return undefined;
  const encoded = text.slice(PREFIX.length);
  const bytes = Buffer.from(encoded, 'base64url');
  // Node's decoder skips what it does not know; only the canonical spelling encodes back to itself.
  if (bytes.length !== TOKEN_BYTES || bytes.toString('base64url') !== encoded) return undefined;
  if (bytes.readUInt8() !== VERSION) return undefined;
  return {
    familyId: uuidFrom(bytes.subarray(FAMILY_AT, GENERATION_AT)),
    generation: bytes.readUInt32BE(GENERATION_AT),
    signed: bytes.subarray(0, MAC_AT),
    mac: bytes.subarray(MAC_AT),
  };
}

/** Whether the family's secret made this token. Constant time. */
export function isGenuine(token: RefreshToken, secret: Buffer): boolean {
  return timingSafeEqual(token.mac, macOf(token.signed, secret));
}

function macOf(signed: Buffer, secret: Buffer): Buffer {
  return createHmac('sha256', secret).update(signed).digest();
}

function uuidFrom(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
