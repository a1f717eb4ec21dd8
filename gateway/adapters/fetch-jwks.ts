import { readFile, stat } from 'node:fs/promises';
import type { Dispatcher } from 'undici';
import { whyNotSecure } from '../../kit/secure-url.js';
import { type DownloadedJson, downloadJson, MAX_DOCUMENT_BYTES, parseJson } from './download-json.js';

/**
 * One look at a key set. Rejects on anything but a whole good answer; what is in it is for `parse-jwks.ts` to judge.
 * `maxAgeMs` says how long the issuer wants it to be kept.
 */
export type FetchJwks = (signal: AbortSignal) => Promise<DownloadedJson>;

/** From the key set's own URL. */
export function fetchFromUri(uri: string, dispatcher: Dispatcher): FetchJwks {
  return (signal) => downloadJson(uri, dispatcher, signal);
}

/**
 * By way of the issuer's metadata (OpenID Connect Discovery 1.0, RFC 8414), read again each time, so that a key set
 * that has moved is found. The metadata has to be about this very issuer (RFC 8414 section 3.3).
 */
export function fetchByDiscovery(
  issuer: string,
  metadataUrl: string,
  allowLoopbackHttp: boolean,
  dispatcher: Dispatcher,
): FetchJwks {
  return async (signal) => {
    const { body } = await downloadJson(metadataUrl, dispatcher, signal);
    const metadata = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
    if (metadata['issuer'] !== issuer) throw new Error('the metadata is about another issuer');
    const uri = metadata['jwks_uri'];
    if (typeof uri !== 'string') throw new Error('the metadata names no jwks_uri');
    const why = whyNotSecure(uri, allowLoopbackHttp);
    if (why !== undefined) throw new Error(`the jwks_uri of the metadata ${why}`);
    return downloadJson(uri, dispatcher, signal);
  };
}

/** OpenID Connect Discovery 1.0 section 4: below the issuer, whose closing slash does not count. */
export function openidMetadataUrl(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
}

/** From a file, which may be replaced at any time: it asks to be read again as soon as the cache allows. */
export function fetchFromFile(path: string): FetchJwks {
  return async () => {
    const { size } = await stat(path);
    if (size > MAX_DOCUMENT_BYTES) throw new Error('the file is larger than 64 KiB');
    return { body: parseJson(await readFile(path, 'utf8')), maxAgeMs: 0 };
  };
}

/** Written in the config. */
export function fetchInline(jwks: unknown): FetchJwks {
  return () => Promise.resolve({ body: jwks, maxAgeMs: Number.MAX_SAFE_INTEGER });
}
