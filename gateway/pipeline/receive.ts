import { Problem } from '../../contracts/problem.js';
import { begin } from './begin.js';
import { headerValues, listTokens } from './headers.js';
import { hostName, wildcardOf } from './host-name.js';
import type { Snapshot } from './snapshot.js';
import type { HeaderList, InboundRequest, Received } from './states.js';
import { isBearer } from './websocket-protocols.js';

const MAX_HEADERS = 1000;
const VERSIONS = new Set(['1.0', '1.1', '2']);
const CLOSE = { connection: 'close' };
const KNOWN_METHODS = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'CONNECT',
]);

/** A host name, IPv4 address or bracketed IPv6 address, with an optional port. No userinfo, no list. */
const HOST = /^(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?\.?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/;

/** Checks what Node's parser lets through and different servers read differently. */
export function receive(request: InboundRequest, snapshot: Snapshot, receivedAt: number): Received {
  checkMethod(request);
  checkHeaderCount(request);
  const host = onlyHost(request);
  checkHostServed(host, snapshot);
  const hasBody = checkFraming(request);
  checkExpectation(request);
  return begin(request, snapshot, receivedAt, host, hasBody);
}

function checkMethod({ method }: InboundRequest): void {
  if (!KNOWN_METHODS.has(method)) throw new Problem('method_unknown');
}

/** Node's parser drops all headers past the 2,000th without a word. */
function checkHeaderCount({ headers }: InboundRequest): void {
  if (headers.length > 2 * MAX_HEADERS) throw new Problem('headers_too_large', { headers: CLOSE });
}

/** RFC 9112 section 3.2: exactly one Host, and only a host in it. */
function onlyHost({ headers }: InboundRequest): string {
  const [host, ...others] = headerValues(headers, 'host');
  if (host === undefined || others.length > 0 || !HOST.test(host))
    throw new Problem('host_invalid', { headers: CLOSE });
  return host;
}

/** RFC 9110 section 15.5.20: a request for a host that is not served here was meant for somebody else. */
function checkHostServed(host: string, { hosts }: Snapshot): void {
  if (hosts === undefined) return;
  const name = hostName(host);
  if (!hosts.has(name) && !hosts.has(wildcardOf(name))) throw new Problem('host_unknown');
}

/** Where a request ends is the same to everybody (RFC 9112 section 6). Whether it has a body. */
function checkFraming({ method, headers, httpVersion, isUpgrade, bodyFollows }: InboundRequest): boolean {
  const encodings = headerValues(headers, 'transfer-encoding');
  const lengths = headerValues(headers, 'content-length');
  const hasBody = bodyFollows === true || encodings.length > 0 || lengths.some((length) => length !== '0');
  const invalid =
    // Node's HTTP/1 parser takes 0.9 and 2.0 as well; HTTP/2 itself comes as 2.
    !VERSIONS.has(httpVersion) ||
    (encodings.length > 0 && lengths.length > 0) ||
    (encodings.length > 0 && httpVersion !== '1.1') ||
    lengths.length > 1 ||
    encodings.length > 1 ||
    (encodings[0] !== undefined && encodings[0].toLowerCase() !== 'chunked') ||
    lengths.some((length) => !/^[0-9]+$/.test(length));
  if (invalid) throw new Problem('request_invalid', { headers: CLOSE });
  const wantsUpgrade = headerValues(headers, 'upgrade').length > 0;
  if (hasBody && wantsUpgrade) throw new Problem('upgrade_invalid', { headers: CLOSE });
  if (isUpgrade && !isHandshake(method, headers)) throw new Problem('upgrade_invalid', { headers: CLOSE });
  return hasBody;
}

/** RFC 6455 section 4.2.1. */
function isHandshake(method: string, headers: HeaderList): boolean {
  const keys = headerValues(headers, 'sec-websocket-key');
  const versions = headerValues(headers, 'sec-websocket-version');
  return (
    method === 'GET' &&
    keys.length === 1 &&
    /^[+/0-9A-Za-z]{22}==$/.test(keys[0] ?? '') &&
    versions.length === 1 &&
    versions[0] === '13' &&
    isOffer(headerValues(headers, 'sec-websocket-protocol'))
  );
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** RFC 6455 section 4.1: the subprotocols are tokens, none twice. Callers' tokens among them are a stage of their own. */
function isOffer(values: readonly string[]): boolean {
  const protocols = values.flatMap((value) => value.split(',')).map((protocol) => protocol.trim());
  const real = protocols.filter((protocol) => !isBearer(protocol));
  return protocols.every((protocol) => TOKEN.test(protocol)) && new Set(real).size === real.length;
}

/** RFC 9110 section 10.1.1: the only expectation there is. */
function checkExpectation({ headers }: InboundRequest): void {
  const expectations = listTokens(headerValues(headers, 'expect'));
  if (expectations.some((expectation) => expectation !== '100-continue')) {
    throw new Problem('expectation_failed', { headers: CLOSE });
  }
}
