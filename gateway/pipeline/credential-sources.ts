import type { AuthScheme } from '../../contracts/problem.js';

/** Where a route's profile lets a credential come from. */
export interface CredentialSources {
  /** `Authorization: Bearer …` (RFC 6750). */
  bearer: boolean;
  /** `Authorization: DPoP …` with a proof (RFC 9449). */
  dpop: DpopSource | undefined;
  /** Names of cookies that hold an access token; case matters. */
  cookies: readonly string[];
  /** Lower-case name of the header for API keys. Where it is set, they may come as `Authorization: Bearer …` too. */
  apiKeyHeader: string | undefined;
  /** The subprotocol `gatehouse.bearer.…` of a WebSocket handshake. */
  websocket: boolean;
  certificate: CertificateSource | undefined;
  /** What a 401 offers. */
  schemes: readonly [AuthScheme, ...AuthScheme[]];
}

export interface DpopSource {
  /** How clients reach this gateway: what a proof's `htu` has to start with. */
  publicOrigins: ReadonlySet<string>;
}

/** A client certificate in place of a token. It says who the caller is; what they may is said here. */
export interface CertificateSource {
  identity: 'spiffe_id' | 'subject';
  scopes: readonly string[];
  roles: readonly string[];
}

/** How a token came. */
export type TokenSource = 'bearer' | 'dpop' | 'cookie' | 'websocket' | 'api-key';

/** A token as sent. Never logged. */
export interface TokenCredential {
  source: TokenSource;
  text: string;
  /** The DPoP proof; with source `dpop` only. */
  proof?: string;
}
