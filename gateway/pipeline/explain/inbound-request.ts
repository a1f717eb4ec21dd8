import type { ExplainRequest } from '../../../contracts/admin-explain.js';
import { isGrpcCall } from '../grpc.js';
import { headerValues, listTokens } from '../headers.js';
import type { InboundRequest } from '../states.js';

/** How the public listener is reached, for requests that do not say. */
export interface ListenerFacts {
  host: string;
  protocol: 'http' | 'https';
}

const LOCAL = '127.0.0.1';

/**
 * The request as the listener would have read it off the wire. The target is cut out of the URL as text: a URL parser
 * would tidy up what the gateway refuses.
 */
export function inboundRequest(asked: ExplainRequest, listener: ListenerFacts): InboundRequest {
  const [, scheme, authority, rest] = /^(https?):\/\/([^/?#]*)(.*)$/is.exec(asked.url) ?? [];
  const given = (asked.headers ?? []).flatMap(([name, value]) => [name.toLowerCase(), value]);
  const host = headerValues(given, 'host').length > 0 ? [] : ['host', authority ?? listener.host];
  const credential = asked.token === undefined ? [] : ['authorization', `Bearer ${asked.token}`];
  const headers = [...host, ...given, ...credential];
  // As Node joins them: two protocols are none that is served.
  const upgrade = headerValues(headers, 'upgrade').join(', ').toLowerCase();
  const target = rest === undefined ? asked.url : rest.startsWith('/') ? rest : `/${rest}`;
  // There is no gRPC over HTTP/1.1.
  const isGrpc = isGrpcCall({ method: asked.method, httpVersion: '2', headers });
  return {
    id: 'explain',
    method: asked.method,
    target,
    httpVersion: isGrpc ? '2' : '1.1',
    isGrpc,
    headers,
    remoteAddress: LOCAL,
    peer: { address: LOCAL, isTrustedProxy: false },
    protocol: scheme === undefined ? listener.protocol : scheme.toLowerCase() === 'https' ? 'https' : 'http',
    isUpgrade: upgrade === 'websocket' && listTokens(headerValues(headers, 'connection')).includes('upgrade'),
  };
}
