import { X509Certificate } from 'node:crypto';
import { Agent, type Dispatcher } from 'undici';
import { readPem } from '../kit/read-pem.js';
import { StartupError } from '../kit/startup-error.js';
import {
  type FetchJwks,
  fetchByDiscovery,
  fetchFromFile,
  fetchFromUri,
  fetchInline,
  openidMetadataUrl,
} from './adapters/fetch-jwks.js';
import type { IssuerConfig } from './routing/schema.js';

export interface KeyLocation {
  fetch: FetchJwks;
  /** As people are told. */
  source: string;
  /** Its keys come from elsewhere, which may be away at any time. */
  isRemote: boolean;
}

/** `check-issuers.ts` has seen to it that there is exactly one place. */
export function locateKeys(
  issuer: IssuerConfig,
  dispatcher: Dispatcher,
  originOf: (upstream: string) => string,
): KeyLocation {
  const {
    jwks_uri: uri,
    discovery,
    jwks_file: file,
    jwks,
    upstream,
    insecure_http: insecure = false,
  } = issuer;
  if (uri !== undefined) {
    const { pathname, search } = new URL(uri);
    const target = upstream === undefined ? uri : originOf(upstream) + pathname + search;
    return { fetch: fetchFromUri(target, dispatcher), source: uri, isRemote: true };
  }
  if (discovery !== undefined) {
    const url = discovery === true ? openidMetadataUrl(issuer.issuer) : discovery;
    return {
      fetch: fetchByDiscovery(issuer.issuer, url, insecure, dispatcher),
      source: url,
      isRemote: true,
    };
  }
  if (file !== undefined) return { fetch: fetchFromFile(file), source: file, isRemote: false };
  return { fetch: fetchInline(jwks), source: 'inline', isRemote: false };
}

/** A pool for each issuer, so that one that hangs holds nobody else's connections. */
export function createAgent(ca: string | undefined): Agent {
  const trust = ca === undefined ? {} : { ca };
  return new Agent({ connect: { timeout: 3000, ...trust }, keepAliveTimeout: 4000, pipelining: 1 });
}

export function readCa(path: string): string {
  try {
    const pem = readPem(path);
    new X509Certificate(pem);
    return pem;
  } catch (cause) {
    const reason = cause instanceof StartupError ? cause.message : 'not a PEM certificate';
    throw new StartupError(`cannot use the CA ${path} of an issuer: ${reason}`, { cause });
  }
}
