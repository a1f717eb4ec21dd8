/** What clients, browsers and upstreams send most. Any other name takes a moment longer. */
export const USUAL_NAMES: readonly string[] = [
  ...['accept', 'accept-encoding', 'accept-language', 'accept-ranges', 'access-control-request-headers'],
  ...['access-control-request-method', 'age', 'authorization', 'cache-control', 'connection'],
  ...['content-disposition', 'content-encoding', 'content-language', 'content-length', 'content-location'],
  ...['content-range', 'content-security-policy', 'content-type', 'cookie', 'date', 'etag', 'expect'],
  ...['expires', 'forwarded', 'from', 'host', 'idempotency-key', 'if-match', 'if-modified-since'],
  ...['if-none-match', 'if-range', 'if-unmodified-since', 'keep-alive', 'last-modified', 'link', 'location'],
  ...['origin', 'pragma', 'priority', 'range', 'referer', 'retry-after', 'sec-ch-ua', 'sec-ch-ua-mobile'],
  ...['sec-ch-ua-platform', 'sec-fetch-dest', 'sec-fetch-mode', 'sec-fetch-site', 'sec-fetch-user'],
  ...[
    'server',
    'server-timing',
    'set-cookie',
    'strict-transport-security',
    'te',
    'traceparent',
    'tracestate',
  ],
  ...['trailer', 'transfer-encoding', 'upgrade', 'upgrade-insecure-requests', 'user-agent', 'vary', 'via'],
  ...[
    'x-content-type-options',
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-frame-options',
  ],
  ...['x-powered-by', 'x-real-ip', 'x-request-id', 'x-requested-with'],
];

const asWritten = (name: string): string => name.replace(/\b[a-z]/g, (letter) => letter.toUpperCase());

const KNOWN: ReadonlyMap<string, string> = new Map(
  USUAL_NAMES.flatMap((name) => [
    [name, name],
    [asWritten(name), name],
  ]),
);

/**
 * A header's name in lower case. Of a usual one it is the same string each time, which V8 compares and looks up by its
 * address, where a new one of every request is hashed and compared by its characters in each stage.
 */
export const lowerCaseName = (name: string): string => KNOWN.get(name) ?? name.toLowerCase();
