import type { Identity } from '../../contracts/identity-headers.js';
import type { Caller, CallersOf } from './caller.js';
import type { CertificateSource, TokenCredential } from './credential-sources.js';
import type { HeaderList } from './header-list.js';
import type { Issuer } from './issuer.js';
import type { VerificationKey } from './key-source.js';
import type { ForwardRoute, ProtectedRoute, Route } from './route.js';
import type { Snapshot } from './snapshot.js';
import type { VerifiedToken } from './verified-token.js';

export type { HeaderList } from './header-list.js';
export type { VerifiedToken } from './verified-token.js';

/**
 * The states of a request, in order. Each stage takes the previous state and returns the next, so forwarding something
 * that has not been through a stage does not compile.
 */

/** What the listener read off the wire. */
export interface InboundRequest {
  id: string;
  method: string;
  /** The request target as it stood on the request line. */
  target: string;
  /** `1.0`, `1.1`, or `2`. */
  httpVersion: string;
  headers: HeaderList;
  /** HTTP/2: a body follows, whatever the headers say. In HTTP/1.1 they alone say so. */
  bodyFollows?: boolean;
  /** The client's address: the peer's, or what trusted proxies say. */
  remoteAddress: string;
  /** The other end of the connection itself. */
  peer: { address: string; isTrustedProxy: boolean };
  /** `http` or `https`, as the client reached this listener. */
  protocol: 'http' | 'https';
  /** A WebSocket handshake. */
  isUpgrade: boolean;
  /** A gRPC call. Absent: none. */
  isGrpc?: boolean;
  /** What the client proved to be in the TLS handshake. Absent without a certificate, or when it did not verify. */
  clientCertificate?: ClientCertificate;
}

/** A client certificate that the TLS listener has verified against its client CAs. */
export interface ClientCertificate {
  der: Buffer;
  /** As Node prints it: `URI:spiffe://…, DNS:…`. */
  subjectAltName: string | undefined;
  /** As Node prints it: one `CN=…` line for each attribute. */
  subject: string;
  /** SHA-256 of the DER, as Node prints it: `AB:CD:…`. */
  fingerprint256: string;
}

export interface Received {
  request: InboundRequest;
  /** The one version of routes, issuers and upstreams that this request is decided by. */
  snapshot: Snapshot;
  /** Unix milliseconds. */
  receivedAt: number;
  /** The `Host` as sent, checked for form. */
  host: string;
  /** Its framing says so; `Content-Length: 0` is none. */
  hasBody: boolean;
}

/** No reserved header of the client's is left. */
export interface Stripped extends Received {
  headers: HeaderList;
}

/** The path is decided, and nobody reads it another way from here on. */
export interface Located extends Stripped {
  /** What everything is decided by. */
  path: string;
  /** With its `?`, or empty. */
  query: string;
  /** The path holds `%2F`. */
  hasEncodedSlash: boolean;
}

export interface Routed<R extends Route = Route> extends Located {
  route: R;
  /** The path's parameters, decoded. */
  params: Readonly<Record<string, string | undefined>>;
  /** What goes along with any answer on this route, whoever makes it. */
  responseHeaders: HeaderList;
}

/** An access token that is not yet verified. Never logged. */
export interface Presented extends Routed<ProtectedRoute> {
  credential: TokenCredential;
}

/** No token, but a client certificate where the route takes one for an identity. */
export interface PresentedCertificate extends Routed<ProtectedRoute> {
  certificate: ClientCertificate;
  accepts: CertificateSource;
}

export interface Verified extends Routed<ProtectedRoute> {
  token: VerifiedToken;
  callers: CallersOf;
  credential: TokenCredential;
  issuer: Issuer;
  key: VerificationKey;
}

/** The token was looked up in the revocations and is not revoked. */
export interface Unrevoked extends Verified {
  revocationChecked: true;
  /** By a copy older than `max_staleness`, where the route allows that. */
  isStale: boolean;
}

/** A bound token was proven to be the caller's own. */
export interface Bound extends Unrevoked {
  bindingChecked: true;
}

/** The certificate names somebody. */
export interface Identified extends PresentedCertificate {
  caller: Caller;
}

/** The caller may use the route: anybody on a public one, the verified caller on the others. */
export interface Authorized extends Routed {
  caller: Caller;
  /** The caller's. */
  identity: Identity;
  /** Absent for anonymous callers and for certificates. */
  token?: VerifiedToken;
}

/** Within the rate limit. */
export interface Admitted extends Authorized {
  admitted: true;
}

/** For an upstream, and for which of its paths. */
export interface Addressed extends Admitted {
  route: ForwardRoute;
  /** What the upstream is asked for: path and query. */
  target: string;
}

/** Carries the identity headers and everything else the upstream is to get. */
export interface Forwardable extends Addressed {
  /** The complete header list for the upstream. */
  upstreamHeaders: HeaderList;
}
