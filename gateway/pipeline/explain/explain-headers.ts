import type { Explanation } from '../../../contracts/admin-explain.js';
import { IDENTITY_HEADERS, IDENTITY_PREFIX } from '../../../contracts/identity-headers.js';
import { isForwardingHeader } from '../forwarding-headers.js';
import type { Forwardable, HeaderList } from '../states.js';

const CONCEALED = 'not shown';

/** Their values open doors, here or at the upstream. */
const CREDENTIALS = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'dpop',
  'client-cert',
  'sec-websocket-protocol',
  IDENTITY_HEADERS.assertion,
]);

/** What becomes of the headers. `forwardable` is undefined when nothing is forwarded. */
export function explainHeaders(
  clientHeaders: HeaderList,
  cleanHeaders: HeaderList | undefined,
  forwardable: Forwardable | undefined,
): Explanation['headers'] {
  const sent = namesOf(forwardable?.upstreamHeaders ?? []);
  const clean = namesOf(cleanHeaders ?? []);
  const stripped = [...namesOf(clientHeaders)].flatMap((name) => {
    const why = whyStripped(name, clean, sent, forwardable);
    return why === undefined ? [] : [{ name, why }];
  });
  const upstream = pairs(forwardable?.upstreamHeaders ?? []).map(([name, value]): [string, string] => [
    name,
    isCredential(name, forwardable) ? CONCEALED : value,
  ]);
  const own = new Set(forwardable?.route.identityLayout.custom.map(({ name }) => name));
  const injected = upstream.filter(([name]) => isInjected(name, own));
  return { stripped, injected, upstream };
}

function whyStripped(
  name: string,
  clean: ReadonlySet<string>,
  sent: ReadonlySet<string>,
  forwardable: Forwardable | undefined,
): string | undefined {
  if (!clean.has(name)) return 'reserved for the gateway, or steers servers behind it';
  if (forwardable === undefined) return undefined;
  if (isForwardingHeader(name)) return 'the gateway gives its own word';
  if (sent.has(name)) return undefined;
  if (name === 'cookie' || forwardable.route.withheldHeaders.has(name)) return 'a credential for the gateway';
  return 'of this connection only';
}

const isInjected = (name: string, own: ReadonlySet<string>): boolean =>
  name.startsWith(IDENTITY_PREFIX) || own.has(name) || isForwardingHeader(name) || name === 'client-cert';

/** Also what a profile takes API keys from, should the route forward it. */
function isCredential(name: string, forwardable: Forwardable | undefined): boolean {
  const route = forwardable?.route;
  return CREDENTIALS.has(name) || (route?.access === 'protected' && route.credentials.apiKeyHeader === name);
}

const namesOf = (headers: HeaderList): Set<string> => new Set(headers.filter((_, index) => index % 2 === 0));

function pairs(headers: HeaderList): [name: string, value: string][] {
  return headers.flatMap((name, index) => (index % 2 === 0 ? [[name, headers[index + 1] ?? '']] : []));
}
