import { type Dispatcher, request } from 'undici';
import type { FetchJwks } from './jwks-cache.js';
import { MAX_JWKS_BYTES } from './parse-jwks.js';

/**
 * Downloads a key set: 200, JSON, at most 64 KiB as sent, no redirects, no compression asked for or accepted. The
 * dispatcher decides whom to trust: an upstream's mTLS, or the public CAs by default.
 */
export function createJwksFetch(url: string, dispatcher?: Dispatcher): FetchJwks {
  return async (signal) => {
    const { statusCode, headers, body } = await request(url, {
      signal,
      headers: { accept: 'application/jwk-set+json, application/json', 'accept-encoding': 'identity' },
      ...(dispatcher === undefined ? {} : { dispatcher }),
    });
    body.on('error', () => undefined);
    try {
      if (statusCode !== 200) throw new Error(`the key set endpoint answered ${statusCode}`);
      const encoding = headers['content-encoding'];
      if (encoding !== undefined && encoding !== 'identity') throw new Error('the key set came compressed');
      return {
        body: JSON.parse(await readText(body)) as unknown,
        maxAgeMs: maxAgeMs(headers['cache-control']),
      };
    } finally {
      body.destroy();
    }
  };
}

async function readText(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MAX_JWKS_BYTES) throw new Error('the key set is larger than 64 KiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function maxAgeMs(cacheControl: string | string[] | undefined): number | undefined {
  const seconds = /\bmax-age=(\d+)/.exec(String(cacheControl ?? ''))?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}
