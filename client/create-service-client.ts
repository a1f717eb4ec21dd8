import { type AccessToken, isDue, isUsable, receivedToken } from './access-token.js';
import { authorizedFetch } from './authorized-fetch.js';
import { createDpop, type Dpop } from './dpop.js';
import { GatehouseError, isInForce, type Refusal } from './errors.js';
import { type Fetch, send } from './send.js';
import { type CryptoKey, type PrivateJwk, type SigningKey, signingKey, signJwt } from './sign-jwt.js';

export interface ServiceClientOptions {
  /** The auth service as tokens name it (`iss`), with its public address: `https://api.example.com`. */
  issuer: string;
  clientId: string;
  /** Private key of the pair whose public half the client was made with (`gatehouse clients create --key`). */
  key: PrivateJwk | CryptoKey;
  /** Default: all that the client has. */
  scopes?: readonly string[];
  /** Audience (RFC 8707). Default: the client's first. */
  resource?: string;
  /**
   * Binds tokens to a key of this client's own (RFC 9449): each request carries a proof, and a token that leaks is of no
   * use. Default: false.
   */
  dpop?: boolean;
  /** The gateway that gets the token, and no other origin. Default: the issuer's origin. */
  baseUrl?: string;
  /** Default: the platform's. */
  fetch?: Fetch;
  /** Unix milliseconds. Default: the machine's clock, which the auth service takes up to a minute off. */
  now?: () => number;
}

export interface ServiceClient {
  /** The platform's fetch with the service's token for the gateway. Rejects with a GatehouseError when none can be had. */
  fetch: Fetch;
  /**
   * A token that serves now, for where fetch does not reach: another one than `refused`. With `dpop` it is of no use
   * without a proof.
   */
  getToken(refused?: string): Promise<string>;
}

const ASSERTION_LIFE_S = 60;

/**
 * A client for a service (RFC 6749 section 4.4) that proves itself with a key (RFC 7523): one token for all calls, fetched
 * once however many wait for it, and renewed ahead of its end while the old one serves. An auth service that is down or
 * asks to wait is left alone until then. Nothing runs in the background.
 */
export function createServiceClient(options: ServiceClientOptions): ServiceClient {
  const issuer = options.issuer.replace(/\/$/, '');
  const { origin } = new URL(options.baseUrl ?? issuer);
  const fetch: Fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  const { now = Date.now } = options;
  let prepared: Promise<{ key: SigningKey; dpop: Dpop | undefined }> | undefined;
  let held: AccessToken | undefined;
  let fetching: Promise<string> | undefined;
  let refusal: Refusal | undefined;

  async function prepare(): Promise<{ key: SigningKey; dpop: Dpop | undefined }> {
    const key = await signingKey(options.key);
    return { key, dpop: options.dpop === true ? await createDpop(now) : undefined };
  }

  async function request(): Promise<string> {
    if (isInForce(refusal, now())) throw refusal.error;
    prepared ??= prepare();
    const { key, dpop } = await prepared;
    const url = `${issuer}/oauth/token`;
    const nowS = Math.floor(now() / 1000);
    const { clientId } = options;
    const claims = { iss: clientId, sub: clientId, aud: issuer, jti: crypto.randomUUID(), iat: nowS };
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await signJwt(key, { typ: 'JWT' }, { ...claims, exp: nowS + ASSERTION_LIFE_S }),
    });
    if (options.scopes !== undefined) body.set('scope', options.scopes.join(' '));
    if (options.resource !== undefined) body.set('resource', options.resource);
    const headers = dpop === undefined ? {} : { dpop: await dpop.proof('POST', url) };
    try {
      const { body: answer } = await send(fetch, url, { method: 'POST', body, headers });
      const { access_token: text, expires_in: expiresInS } = answer;
      if (typeof text !== 'string' || typeof expiresInS !== 'number')
        throw new GatehouseError('unexpected_answer', 'an answer without an access token');
      held = receivedToken({ text, sessionId: clientId, expiresInS }, now());
      return text;
    } catch (error) {
      if (error instanceof GatehouseError) refusal = { error, atMs: now() };
      throw error;
    }
  }

  function renew(): Promise<string> {
    fetching ??= request().finally(() => {
      fetching = undefined;
    });
    return fetching;
  }

  async function token(): Promise<string> {
    if (!isUsable(held, now())) return renew();
    // It still serves: nobody waits, and a failure is for the next call to meet.
    if (isDue(held, now())) renew().catch(() => undefined);
    return held.text;
  }

  const replace = (refused: string): Promise<string> => (held?.text === refused ? renew() : token());

  return {
    getToken: (refused) => (refused === undefined ? token() : replace(refused)),
    fetch: authorizedFetch(fetch, origin, {
      token,
      replace,
      async headers(text, method, url) {
        const { dpop } = (await prepared) ?? {};
        return dpop === undefined ? undefined : dpop.headers(text, method, url);
      },
    }),
  };
}
