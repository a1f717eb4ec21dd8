/** A compact JWS or JWE, whole or cut off; an API key or a refresh token of ours. */
const TOKEN = /eyJ[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*){1,4}|\bgt[kr]_[A-Za-z0-9_-]+/g;
const MIN_SECRET = 8;

/**
 * The last word on every text of an explanation: wherever a client put a credential, be it into the path, it is not
 * repeated. `secrets` are this request's own; what looks like a token goes in any case.
 */
export function hideSecrets<T>(value: T, secrets: readonly string[]): T {
  const own = secrets.filter((secret) => secret.length >= MIN_SECRET);
  const hide = (text: string): string =>
    own.reduce((rest, secret) => rest.replaceAll(secret, '[token]'), text).replaceAll(TOKEN, '[token]');
  return mapTexts(value, hide) as T;
}

function mapTexts(value: unknown, hide: (text: string) => string): unknown {
  if (typeof value === 'string') return hide(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, hide));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, mapTexts(item, hide)]));
}
