import type { OutgoingHttpHeaders } from 'node:http2';
import type { Dispatcher } from 'undici';

/** Of one connection only; HTTP/2 has none of them (RFC 9113 section 8.2.2). `host` has a place of its own. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'connection',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** What Node takes as the head of a request; `authority` is for a request that names no host. */
export function requestHeaders(
  { method, path, headers }: Pick<Dispatcher.DispatchOptions, 'method' | 'path' | 'headers'>,
  authority: string,
): OutgoingHttpHeaders {
  const list = flatList(headers);
  const host = list.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === 'host');
  return {
    ':method': method,
    ':scheme': 'https',
    ':authority': host === -1 ? authority : list[host + 1],
    ':path': path,
    ...fieldsOf(list),
    // The gateway itself reads trailers, and gRPC servers want to be told so.
    te: 'trailers',
  };
}

/** Names in lower case; repeats as lists, which Node sends one by one. */
export function fieldsOf(list: readonly string[]): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  for (let i = 0; i + 1 < list.length; i += 2) {
    const name = (list[i] ?? '').toLowerCase();
    const value = list[i + 1] ?? '';
    if (LEFT_OUT.has(name)) continue;
    const before = fields[name];
    if (before === undefined) fields[name] = value;
    else if (typeof before === 'string') fields[name] = [before, value];
    else before.push(value);
  }
  return fields;
}

/** undici takes headers as a list, as an object, and as pairs. */
function flatList(headers: Dispatcher.DispatchOptions['headers']): readonly string[] {
  if (headers === undefined || headers === null) return [];
  if (Array.isArray(headers)) return headers;
  const pairs: Iterable<[string, string | string[] | undefined]> =
    Symbol.iterator in headers
      ? (headers as Iterable<[string, string]>)
      : Object.entries(headers as Record<string, string | string[] | undefined>);
  return [...pairs].flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().flatMap((each) => [name, each]),
  );
}
