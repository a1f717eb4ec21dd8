import { isUtf8 } from 'node:buffer';
import { type IncomingMessage, METHODS } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../contracts/problem.js';
import type { StubServer } from './create-server.js';

/** CONNECT never reaches a request handler in Node. */
const ANY_METHOD = METHODS.filter((method) => method !== 'CONNECT');

/** Answers what arrived, as it arrived, whatever the method: for seeing what the gateway makes of a request. */
export function addEcho(app: StubServer): void {
  app.get('/public/status', () => ({ status: 'ok' }));

  // As if none had a body: the handler reads it itself, where Fastify would want a content type that it knows.
  for (const method of ANY_METHOD) app.addHttpMethod(method, { hasBody: false, overrideExisting: true });
  for (const url of ['/api/echo/*', '/api/admin/*', '/public/echo/*']) {
    app.route({ method: ANY_METHOD, url, exposeHeadRoute: false, handler: echo });
  }
}

async function echo(request: FastifyRequest) {
  const { raw } = request;
  const target = raw.url ?? '';
  const queryStart = target.indexOf('?');
  const body = await readBody(raw, request.routeOptions.bodyLimit);
  const text = isUtf8(body);
  return {
    method: raw.method,
    path: queryStart === -1 ? target : target.slice(0, queryStart),
    /** As sent, without the `?`. */
    query: queryStart === -1 ? '' : target.slice(queryStart + 1),
    headers: groupByName(raw.rawHeaders),
    body: body.toString(text ? 'utf8' : 'base64'),
    ...(text ? {} : { body_encoding: 'base64' }),
    ...(raw.rawTrailers.length > 0 ? { trailers: groupByName(raw.rawTrailers) } : {}),
  };
}

/** Lower-case name to value, or to values where it came repeatedly. From the raw list: `headers` joins and drops some. */
function groupByName(raw: readonly string[]): Record<string, string | string[]> {
  const values = new Map<string, string | string[]>();
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index]?.toLowerCase() ?? '';
    const value = raw[index + 1] ?? '';
    const earlier = values.get(name);
    values.set(name, earlier === undefined ? value : [earlier, value].flat());
  }
  return Object.fromEntries(values);
}

async function readBody(stream: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Problem('body_too_large', { headers: { connection: 'close' } });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
