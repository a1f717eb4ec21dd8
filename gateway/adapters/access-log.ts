import { isIP } from 'node:net';
import { encodeIdentityValue } from '../../contracts/identity-headers.js';
import type { Logger } from '../../kit/logger.js';
import type { Outcome, RequestFacts } from '../pipeline/ports.js';
import type { Route } from '../pipeline/route.js';

export interface AccessLogSettings {
  /** Default `on`. `errors`: replies of 500 and above, and those that ended without one. */
  access?: 'on' | 'errors' | 'off' | undefined;
  /** Default `pattern`: the route's. `raw`: as sent, without the query. */
  path?: 'pattern' | 'raw' | undefined;
  /** Default false: personal data. */
  subject?: boolean | undefined;
}

/** Longer ones tell nothing more, and whoever asks chooses their length. */
const MAX_PATH_LENGTH = 1024;

/**
 * One line a request. What the route says is made into JSON once a route (a child logger's bindings), the rest once a
 * line. No redaction runs over it: {@link Outcome} holds nothing that would have to be cut out. A route's own refusals
 * are information; what went wrong on our side is an error. A fault of the gateway's own (`internal_error`) is logged
 * even with `access: off`.
 */
export function createAccessLog(
  logger: Logger,
  settings: AccessLogSettings = {},
): (outcome: Outcome) => void {
  const { access = 'on', path = 'pattern', subject: withSubject = false } = settings;
  const withoutRoute = logger.child({}, { redact: [] });
  const byRoute = new WeakMap<Route, Logger>();
  const loggerOf = (route: Route): Logger => {
    let log = byRoute.get(route);
    if (log === undefined) {
      log = withoutRoute.child(bindingsOf(route, path === 'pattern'));
      byRoute.set(route, log);
    }
    return log;
  };

  return (outcome) => {
    const { route, problem } = outcome;
    const isFault = problem !== undefined && problem.status >= 500;
    if (access === 'off' && problem?.code !== 'internal_error') return;
    if (access === 'errors' && outcome.status < 500 && outcome.status !== 0 && !isFault) return;
    const log = route === undefined ? withoutRoute : loggerOf(route);
    if (!log.isLevelEnabled(isFault ? 'error' : 'info')) return;
    const line = lineOf(outcome);
    if (path === 'raw') line['path'] = rawPath(outcome.request);
    if (withSubject && outcome.subject !== undefined) line['subject'] = encodeIdentityValue(outcome.subject);
    if (isFault) log.error({ ...line, err: problem.cause }, 'request');
    else log.info(line, 'request');
  };
}

function bindingsOf({ id, pattern, upstream }: Route, withPattern: boolean): object {
  return { route: id, upstream, ...(withPattern ? { path: pattern } : {}) };
}

/** Members that are undefined do not come out. */
function lineOf(outcome: Outcome): Record<string, unknown> {
  const { request, problem, reported, transfer, startedAt, endedAt } = outcome;
  const { handedAt, sentAt, answeredAt } = transfer;
  return {
    reqId: request.id,
    method: request.method === '' ? undefined : request.method,
    status: outcome.status,
    grpc: transfer.grpcStatus,
    code: problem?.code,
    reason: problem?.reason,
    cut: outcome.cut,
    issuer: outcome.issuer,
    reportOnly: reported === undefined ? undefined : { code: reported.code, reason: reported.reason },
    stale: outcome.stale ? true : undefined,
    decideMs: span(startedAt, Number.isNaN(handedAt) ? endedAt : handedAt),
    queueMs: span(handedAt, sentAt),
    firstByteMs: span(sentAt, answeredAt),
    durationMs: span(startedAt, endedAt),
    bytesIn: transfer.bytesIn,
    bytesOut: transfer.bytesOut,
    client: addressOf(request),
    protocol: protocolOf(request),
  };
}

/** Milliseconds to the microsecond; undefined when one end was never reached. */
function span(from: number, to: number): number | undefined {
  const ms = Math.round((to - from) * 1000) / 1000;
  return Number.isNaN(ms) ? undefined : ms;
}

/** A proxy hands on whatever its client calls an address. */
function addressOf({ remoteAddress }: RequestFacts): string {
  return isIP(remoteAddress) === 0 ? 'unknown' : remoteAddress;
}

function protocolOf({ protocol, isUpgrade, httpVersion }: RequestFacts): string {
  if (isUpgrade) return protocol === 'https' ? 'wss' : 'ws';
  return httpVersion === '' ? protocol : `${protocol}/${httpVersion}`;
}

/** Nothing that could move a terminal's cursor or look like another line; of an absolute form not the authority. */
function rawPath({ target }: RequestFacts): string {
  return target
    .replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '')
    .replace(/[?#].*$/s, '')
    .slice(0, MAX_PATH_LENGTH)
    .replace(/[^\x21-\x7e]/g, encodeByte);
}

/** Node reads the request line as Latin-1. */
function encodeByte(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}
