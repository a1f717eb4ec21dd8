import { OAuthError } from './oauth-error.js';

/** The parameters of a request. */
export interface FormParameters {
  /** Each at most once (RFC 6749 section 3.2). */
  values: ReadonlyMap<string, string>;
  /** `resource` alone may come several times (RFC 8707 section 2). */
  resources: readonly string[];
}

export const NO_PARAMETERS: FormParameters = { values: new Map(), resources: [] };

const MAX_RESOURCES = 8;

/**
 * Parses `application/x-www-form-urlencoded`, strictly: where two readers could understand two things, it is refused.
 * A parameter without a value counts as left out (RFC 6749 section 3.2). Throws OAuthError `invalid_request`.
 */
export function parseForm(text: string): FormParameters {
  const seen = new Set<string>();
  const values = new Map<string, string>();
  const resources: string[] = [];
  for (const pair of text === '' ? [] : text.split('&')) {
    const [name, value] = parsePair(pair);
    if (name === 'resource' && resources.length < MAX_RESOURCES) {
      if (value !== '') resources.push(value);
      continue;
    }
    if (seen.has(name)) throw new OAuthError('invalid_request', 'a parameter comes more than once');
    seen.add(name);
    if (value !== '') values.set(name, value);
  }
  return { values, resources };
}

function parsePair(pair: string): [name: string, value: string] {
  const equals = pair.indexOf('=');
  const end = equals === -1 ? pair.length : equals;
  const name = decodeFormText(pair.slice(0, end));
  const value = decodeFormText(pair.slice(end + 1));
  if (name === undefined || name === '' || value === undefined)
    throw new OAuthError('invalid_request', 'the form is malformed');
  return [name, value];
}

/** Undefined for broken encodings, bytes that are no UTF-8, and control characters. */
export function decodeFormText(text: string): string | undefined {
  try {
    const decoded = decodeURIComponent(text.replaceAll('+', ' '));
    return /\p{Cc}/u.test(decoded) ? undefined : decoded;
  } catch {
    return undefined;
  }
}
