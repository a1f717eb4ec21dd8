import { Problem } from '../../contracts/problem.js';

/**
 * The one reading of a request path: decided on here, matched, and forwarded as it is. A path that another server could
 * read as a different one is refused (`path_invalid`), never repaired.
 */
export interface CanonicalPath {
  /** Each segment decoded and encoded again the one way. */
  path: string;
  /** With its `?`, or empty; exactly as sent. */
  query: string;
  /** A segment holds `%2F`; for routes that allow it. */
  hasEncodedSlash: boolean;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** `authority` is the checked Host; an absolute-form target has to name the same (RFC 9112 section 3.2.2). */
export function canonicalPath(target: string, authority: string): CanonicalPath {
  const originForm = stripAuthority(target, authority);
  const queryAt = originForm.indexOf('?');
  const rawPath = queryAt === -1 ? originForm : originForm.slice(0, queryAt);
  const query = queryAt === -1 ? '' : originForm.slice(queryAt);
  if (!/^[\x21-\x7e]*$/.test(originForm) || originForm.includes('#')) throw invalid();
  if (!rawPath.startsWith('/') || rawPath.includes('//') || /[\\;]/.test(rawPath)) throw invalid();
  // As nearly all are: nothing in it that anybody could read in another way.
  if (/^[A-Za-z0-9_~/-]*$/.test(rawPath)) return { path: rawPath, query, hasEncodedSlash: false };

  let hasEncodedSlash = false;
  const segments = rawPath
    .slice(1)
    .split('/')
    .map((raw) => {
      const segment = canonicalSegment(raw);
      hasEncodedSlash ||= segment.includes('%2F');
      return segment;
    });
  return { path: `/${segments.join('/')}`, query, hasEncodedSlash };
}

function stripAuthority(target: string, authority: string): string {
  if (target.startsWith('/')) return target;
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(target);
  if (absolute === null || absolute[1]?.toLowerCase() !== authority.toLowerCase()) throw invalid();
  const rest = absolute[2] ?? '';
  return rest.startsWith('/') ? rest : `/${rest}`;
}

function canonicalSegment(raw: string): string {
  if (/^[A-Za-z0-9_~-]*$/.test(raw)) return raw;
  const decoded = decode(raw);
  checkReadings(decoded);
  // encodeURIComponent also encodes these, which may stand in a segment (RFC 3986 section 3.3: pchar).
  return encodeURIComponent(decoded).replace(/%(?:24|26|2B|2C|3A|3D|40)/g, decodeURIComponent);
}

/** Percent-decodes strictly: broken triplets, overlong or otherwise invalid UTF-8 are refused. */
function decode(raw: string): string {
  if (!raw.includes('%')) return raw;
  if (/%(?![0-9A-Fa-f]{2})/.test(raw)) throw invalid();
  const bytes = Buffer.from(
    raw.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
  try {
    return utf8.decode(bytes);
  } catch {
    throw invalid();
  }
}

/**
 * However often some server behind us decodes it again, the segment must not turn into a dot segment, a separator, a
 * path parameter or a control character. A slash that appears in the first decoding is left to the route to allow.
 */
function checkReadings(decoded: string): void {
  let reading = decoded;
  for (let round = 0; ; round++) {
    const forbidden = round === 0 ? /[\\;\p{Cc}]/u : /[/\\;\p{Cc}]/u;
    if (forbidden.test(reading) || reading.split('/').some(isDotSegment)) throw invalid();
    if (!/%[0-9A-Fa-f]{2}/.test(reading)) return;
    if (round === 8) throw invalid();
    reading = reading.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
  }
}

const isDotSegment = (segment: string): boolean => segment === '.' || segment === '..';

const invalid = (): Problem => new Problem('path_invalid');
