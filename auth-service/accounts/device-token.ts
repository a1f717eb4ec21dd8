import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../kit/clock.js';
import type { EncryptionKey } from '../keys/encryption-key.js';

/**
 * What a device keeps that has logged in to an account: `gtd_` + base64url(version, key version, issued at, device id,
 * MAC). It lets nobody in. It says that failures of this device count apart from those of strangers, so that guessing
 * at an account does not slow down its owner (OWASP, "device cookies"). A browser keeps one: that of the last account.
 */
export interface DeviceTokens {
  /** For an account's address as it is looked up; keeps the device's id when it had one. */
  issue(account: string, deviceId: string | undefined): string;
  /** The device's id, or undefined when the text is no token of ours for this account, or too old. */
  identify(account: string, text: string | undefined): string | undefined;
}

/** Unless it logs in again before. */
export const DEVICE_TOKEN_MAX_AGE_S = 180 * 86_400;

const PREFIX = 'gtd_';
const VERSION = 1;
const KEY_VERSION_AT = 1;
const ISSUED_AT = KEY_VERSION_AT + 2;
const ID_AT = ISSUED_AT + 4;
const ID_BYTES = 16;
const MAC_AT = ID_AT + ID_BYTES;
const TOKEN_BYTES = MAC_AT + 32;

/**
 * The MAC keys come from the key-encryption keys, which all instances share. When one of those is taken out, its tokens
 * are forgotten: their devices are strangers until the next login.
 */
export function createDeviceTokens(deps: {
  encryptionKeys: readonly EncryptionKey[];
  random: (size: number) => Buffer;
  clock: Clock;
}): DeviceTokens {
  const keys = new Map(deps.encryptionKeys.map(({ version, key }) => [version, macKey(key)]));
  const [current] = deps.encryptionKeys;
  if (current === undefined) throw new RangeError('device tokens need a key');
  const nowS = (): number => Math.floor(deps.clock.now() / 1000);
  const macOf = (keyVersion: number, signed: Buffer, account: string): Buffer | undefined => {
    const key = keys.get(keyVersion);
    return key && createHmac('sha256', key).update(signed).update(account).digest();
  };

  return {
    issue(account, deviceId) {
      const signed = Buffer.alloc(MAC_AT);
      signed.writeUInt8(VERSION);
      signed.writeUInt16BE(current.version, KEY_VERSION_AT);
      signed.writeUInt32BE(nowS(), ISSUED_AT);
      const id = deviceId === undefined ? deps.random(ID_BYTES) : Buffer.from(deviceId, 'hex');
      id.copy(signed, ID_AT);
      const mac = macOf(current.version, signed, account) ?? Buffer.alloc(0);
      return PREFIX + Buffer.concat([signed, mac]).toString('base64url');
    },
    identify(account, text) {
      if (text?.startsWith(PREFIX) !== true) return undefined;
      const bytes = Buffer.from(text.slice(PREFIX.length), 'base64url');
      if (bytes.length !== TOKEN_BYTES || bytes.readUInt8() !== VERSION) return undefined;
      const expected = macOf(bytes.readUInt16BE(KEY_VERSION_AT), bytes.subarray(0, MAC_AT), account);
      if (expected === undefined || !timingSafeEqual(expected, bytes.subarray(MAC_AT))) return undefined;
      if (bytes.readUInt32BE(ISSUED_AT) + DEVICE_TOKEN_MAX_AGE_S <= nowS()) return undefined;
      return bytes.subarray(ID_AT, MAC_AT).toString('hex');
    },
  };
}

function macKey(encryptionKey: Buffer): Buffer {
  return Buffer.from(hkdfSync('sha256', encryptionKey, '', 'gatehouse device token v1', 32));
}
