import { Problem } from '../../contracts/problem.js';
import { headerValues } from './headers.js';
import type { Presented, Routed } from './states.js';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);
/** Fetch Metadata values of requests that do not come from somebody else's page. */
const NEAR_SITES = new Set(['same-origin', 'same-site', 'none']);

/**
 * Browsers let any page open a WebSocket and send the user's cookies along; `Origin` is all that tells (RFC 6455
 * section 10.2). It has to be one of the route's list, or, without a list, the host that was asked. What is no browser
 * sends none.
 */
export function checkUpgradeOrigin({ request, headers, host, route }: Routed): void {
  if (!request.isUpgrade) return;
  const [origin, ...others] = headerValues(headers, 'origin');
  if (origin === undefined) return;
  const allowed = route.origins?.has(origin) ?? isSameHost(origin, host, request.protocol);
  if (!allowed || others.length > 0) throw new Problem('origin_not_allowed', { reason: 'origin.upgrade' });
}

/**
 * A cookie goes along with whatever some page makes the browser send (cross-site request forgery), so the browser's own
 * word on which page that was decides. Reading may come without `Origin`; everything else, and a WebSocket, has to
 * come from a listed one. Applies to cookies only: no page can make a browser send any other credential.
 */
export function checkCookieOrigin({ credential, request, headers, route }: Presented): void {
  if (credential.source !== 'cookie') return;
  const origins = headerValues(headers, 'origin');
  const mustBeNamed = request.isUpgrade || !SAFE_METHODS.has(request.method);
  const isListed = origins.length === 1 && route.origins?.has(origins[0] ?? '') === true;
  const isNear = headerValues(headers, 'sec-fetch-site').every((site) => NEAR_SITES.has(site));
  if (!isNear || !(isListed || (origins.length === 0 && !mustBeNamed))) {
    throw new Problem('origin_not_allowed', { reason: 'origin.cookie' });
  }
}

/** A page that came over http could have been put there by anybody on its way, so it does not speak for an https host. */
function isSameHost(origin: string, host: string, protocol: 'http' | 'https'): boolean {
  const [, scheme] = /^(https?):\/\/[^/]+$/.exec(origin) ?? [];
  if (scheme === undefined || (protocol === 'https' && scheme !== 'https')) return false;
  const asked = `${scheme}://${host}`;
  return URL.canParse(origin) && URL.canParse(asked) && new URL(origin).host === new URL(asked).host;
}
