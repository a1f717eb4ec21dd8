import { Problem } from '../../contracts/problem.js';
import type { Located } from './states.js';

/**
 * A body on GET or HEAD has no meaning (RFC 9110 section 9.3.1), and servers that pass it over take it for the next
 * request: only a route that says `body_on_get: allow` gets one. Looked up by itself, before anything answers, so that
 * the gateway's own paths and those without a route refuse it too. Throws `request_invalid`, and ends the connection.
 */
export function checkBodyOnGet(located: Located): void {
  const { request, snapshot, path, hasBody } = located;
  if (!hasBody || (request.method !== 'GET' && request.method !== 'HEAD')) return;
  const match = snapshot.routes.find(request.method, path, located);
  if (match !== undefined && 'route' in match && match.route.bodyOnGet) return;
  throw new Problem('request_invalid', { reason: 'body_on_get', headers: { connection: 'close' } });
}
