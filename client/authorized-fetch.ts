import type { Fetch } from './send.js';

export interface Authorization {
  /** The token to go along now; undefined when nobody is signed in. Rejects when there should be one and cannot be. */
  token(): Promise<string | undefined>;
  /** Another one in place of this, which the gateway refused; undefined when that was the end of the session. */
  replace(refused: string): Promise<string | undefined>;
  /** What carries the token in a request. Default, also for undefined: `Authorization: Bearer`. */
  headers?(token: string, method: string, url: string): Promise<Record<string, string> | undefined>;
}

/**
 * The platform's fetch, with the access token for the gateway's own origin and for no other. One refused token is
 * replaced and the request sent once more, with the same body; a body that is a stream can only be sent once.
 */
export function authorizedFetch(fetch: Fetch, origin: string, authorization: Authorization): Fetch {
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : String(input), baseOf(origin));
    if (url.origin !== origin) return fetch(input, init);
    const target = input instanceof Request ? input : url.href;
    const canRepeat = !(init?.body instanceof ReadableStream);
    const token = await authorization.token();
    // A Request's body can be read once: its copy is for the first try.
    const first = target instanceof Request && canRepeat ? target.clone() : target;
    const response = await fetch(first, await withToken(authorization, target, init, token));
    if (token === undefined || !canRepeat || !isRefusedToken(response)) return response;
    const another = await authorization.replace(token);
    if (another === undefined) return response;
    await response.body?.cancel();
    return fetch(target, await withToken(authorization, target, init, another));
  };
}

/** Relative URLs are of the page in browsers, and of the gateway where there is no page. */
const baseOf = (origin: string): string =>
  (globalThis as { location?: { href: string } }).location?.href ?? origin;

async function withToken(
  authorization: Authorization,
  target: Request | string,
  init: RequestInit | undefined,
  token: string | undefined,
): Promise<RequestInit> {
  const request = target instanceof Request ? target : undefined;
  const headers = new Headers(init?.headers ?? request?.headers);
  if (token !== undefined && !headers.has('authorization')) {
    const method = init?.method ?? request?.method ?? 'GET';
    const own = await authorization.headers?.(token, method, request?.url ?? String(target));
    for (const [name, value] of Object.entries(own ?? { authorization: `Bearer ${token}` }))
      headers.set(name, value);
  }
  return { ...init, headers };
}

/** RFC 6750 section 3.1 and RFC 9449 section 7.1, in the gateway's own words. A 401 of the application's is none of our business. */
function isRefusedToken({ status, headers }: Response): boolean {
  return (
    status === 401 &&
    /\b(?:bearer|dpop)\b[^,]*\berror="invalid_token"/i.test(headers.get('www-authenticate') ?? '')
  );
}
