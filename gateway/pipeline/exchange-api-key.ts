import { API_KEY_PREFIX } from '../../contracts/auth-api.js';
import { Problem } from '../../contracts/problem.js';
import type { ApiKeys } from './ports.js';
import type { Presented } from './states.js';

/** Longer than any key of ours. */
const MAX_KEY_LENGTH = 256;
const KEY = new RegExp(`^${API_KEY_PREFIX}[A-Za-z0-9_-]+$`);

/** An API key stands for an access token, which is then verified like any other (design 4.11). */
export async function exchangeApiKey<P extends Presented>(presented: P, apiKeys: ApiKeys): Promise<P> {
  const { credential, request } = presented;
  if (credential.source !== 'api-key') return presented;
  const key = credential.text;
  if (key.length > MAX_KEY_LENGTH || !KEY.test(key)) throw new Problem('api_key_invalid');
  const token = await apiKeys.tokenFor(key, request.remoteAddress);
  // A copy: the key itself may have to be exchanged once more.
  return { ...presented, credential: { source: 'api-key', text: token } };
}
