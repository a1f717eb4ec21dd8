import { decodeFormText } from './form-parameters.js';

const MAX_LENGTH = 4096;

/**
 * Client id and secret of `Authorization: Basic …`; each is form-encoded before they are joined (RFC 6749 section
 * 2.3.1). Undefined when it is not that.
 */
export function parseBasicCredentials(
  authorization: string,
): { clientId: string; clientSecret: string } | undefined {
  if (authorization.length > MAX_LENGTH) return undefined;
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon === -1) return undefined;
  const clientId = decodeFormText(text.slice(0, colon));
  const clientSecret = decodeFormText(text.slice(colon + 1));
  return clientId && clientSecret ? { clientId, clientSecret } : undefined;
}
