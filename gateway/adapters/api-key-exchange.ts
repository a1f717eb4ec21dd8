import { type Dispatcher, request } from 'undici';
import type { ApiKeyExchange } from '../../contracts/auth-api.js';
import { INTERNAL } from '../../contracts/well-known.js';

/** The token for a key, or undefined for a key that is unknown or has ended. Rejects when there is no clear answer. */
export type ExchangeApiKey = (key: string, signal: AbortSignal) => Promise<ApiKeyExchange | undefined>;

/** A token of ours is well below this. */
const MAX_ANSWER_BYTES = 32 * 1024;

/** Asks the auth service's internal listener, over its mTLS. */
export function createApiKeyExchange(origin: string, dispatcher: Dispatcher): ExchangeApiKey {
  return async (key, signal) => {
    const { statusCode, body } = await request(new URL(INTERNAL.apiKeyExchange, origin), {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ api_key: key }),
      dispatcher,
      signal,
    });
    // Whatever happens later to the connection is reported by the loop below; without a listener it would be fatal.
    body.on('error', () => undefined);
    try {
      if (statusCode === 404) return undefined;
      if (statusCode !== 200) throw new Error(`the exchange of an API key was answered ${statusCode}`);
      return parse(await readText(body));
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
    if (bytes > MAX_ANSWER_BYTES) throw new Error('the answer for an API key is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The parser's own message would quote the answer, which holds a token. */
function parse(text: string): ApiKeyExchange {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const { access_token, expires_in } = (value ?? {}) as Partial<Record<string, unknown>>;
  if (typeof access_token !== 'string' || typeof expires_in !== 'number' || !(expires_in > 0))
    throw new Error('the answer for an API key is not a token');
  return { access_token, expires_in };
}
