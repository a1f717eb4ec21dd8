import { WEBSOCKET_BEARER_PREFIX } from '../../contracts/access-token.js';
import { Problem } from '../../contracts/problem.js';
import { headerValues } from './headers.js';
import type { HeaderList } from './states.js';

const HEADER = 'sec-websocket-protocol';

/** Whether a subprotocol is a caller's token. */
export const isBearer = (protocol: string): boolean =>
  protocol.toLowerCase().startsWith(WEBSOCKET_BEARER_PREFIX);

const offered = (value: string): string[] => value.split(',').map((protocol) => protocol.trim());

/**
 * The tokens among the subprotocols that a WebSocket handshake offers. A token needs a real subprotocol beside it: the
 * server answers with one of those offered, and browsers drop a connection that answers with none.
 */
export function bearerSubprotocols(headers: HeaderList): string[] {
  const protocols = headerValues(headers, HEADER).flatMap(offered);
  const bearers = protocols.filter(isBearer);
  if (bearers.length > 0 && bearers.length === protocols.length) throw new Problem('upgrade_invalid');
  return bearers.map((protocol) => protocol.slice(WEBSOCKET_BEARER_PREFIX.length));
}

/** Takes the tokens out of the offer, in place, on every route: an upstream's log is no place for them. */
export function removeBearerSubprotocols(headers: string[]): void {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    if (headers[i] !== HEADER) continue;
    const protocols = offered(headers[i + 1] ?? '');
    const real = protocols.filter((protocol) => !isBearer(protocol));
    if (real.length === protocols.length) continue;
    if (real.length === 0) headers.splice(i, 2);
    else headers[i + 1] = real.join(', ');
  }
}
