import { type Dispatcher, request } from 'undici';

export interface DownloadedJson {
  body: unknown;
  /** From `Cache-Control: max-age`. */
  maxAgeMs: number | undefined;
}

/** Of a key set, and of the metadata that names one. */
export const MAX_DOCUMENT_BYTES = 64 * 1024;

/**
 * Fetches a small JSON document: 200, at most 64 KiB as sent, no redirects, no compression asked for or accepted, so
 * that an answer cannot lead elsewhere or grow. The dispatcher decides whom to trust.
 */
export async function downloadJson(
  url: string,
  dispatcher: Dispatcher,
  signal: AbortSignal,
): Promise<DownloadedJson> {
  const { statusCode, headers, body } = await request(url, {
    signal,
    dispatcher,
    headers: { accept: 'application/json, application/jwk-set+json', 'accept-encoding': 'identity' },
  });
  // Whatever happens later to the connection is reported by the loop below; without a listener it would be fatal.
  body.on('error', () => undefined);
  try {
    if (statusCode !== 200) throw new Error(`it answered ${statusCode}`);
    const encoding = headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') throw new Error('the answer came compressed');
    return { body: parseJson(await readText(body)), maxAgeMs: maxAgeMs(headers['cache-control']) };
  } finally {
    body.destroy();
  }
}

async function readText(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MAX_DOCUMENT_BYTES) throw new Error('the answer is larger than 64 KiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The parser's own message would quote the answer. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Error('the answer is not JSON');
  }
}

function maxAgeMs(cacheControl: string | string[] | undefined): number | undefined {
  const seconds = /(?:^|[\s,])max-age=(\d+)/i.exec(String(cacheControl ?? ''))?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}
