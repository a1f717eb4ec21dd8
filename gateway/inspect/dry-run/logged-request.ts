/** What a line of the access log tells of a request. It holds no token, Host, header, query or body. */
export interface LoggedRequest {
  method: string;
  /** As sent, without its query. */
  path: string;
  /** Why it was refused, or would have been without `report_only`; undefined when it was not. */
  code: string | undefined;
  /** The id of the route that it came to. */
  route: string | undefined;
  issuer: string | undefined;
  /** With `log.subject`. */
  subject: string | undefined;
  isUpgrade: boolean;
}

/** Why a line is not replayed. */
export type Skipped = 'bad' | 'other' | 'no_path' | 'shortened' | 'preflight';

/** The access log cuts a path off there. */
const MAX_PATH_LENGTH = 1024;

export function readLogLine(text: string): LoggedRequest | Skipped {
  const line = parsed(text);
  if (line === undefined) return 'bad';
  if (line['msg'] !== 'request') return 'other';
  const of = (name: string): string | undefined => {
    const value = line[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const [method, path, route] = [of('method'), of('path'), of('route')];
  if (method === undefined || path === undefined || isPattern(path, route)) return 'no_path';
  if (path.length >= MAX_PATH_LENGTH) return 'shortened';
  // Answered for a page: what it asked for stood in headers.
  if (method === 'OPTIONS' && route !== undefined && !methodsOf(route).includes(method)) return 'preflight';
  const { reportOnly } = line as { reportOnly?: { code?: unknown } | null };
  const reported = typeof reportOnly?.code === 'string' ? reportOnly.code : undefined;
  return {
    method,
    path,
    route,
    code: of('code') ?? reported,
    issuer: of('issuer'),
    subject: of('subject'),
    isUpgrade: /^wss?$/.test(of('protocol') ?? ''),
  };
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** With `log.path: pattern` the path is the route's. Where that is fixed text, it is what was sent as well. */
const isPattern = (path: string, route: string | undefined): boolean =>
  /\/(:|\*$)/.test(path) && (route?.includes(path) ?? false);

const methodsOf = (route: string): string[] => (route.split(' ')[0] ?? '').split('|');
