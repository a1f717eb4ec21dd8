import { headerValues } from './headers.js';
import type { InboundRequest } from './states.js';

/** What a gRPC call is told by: `application/grpc`, `application/grpc+proto` and so on, by POST over HTTP/2. */
const CONTENT_TYPE = /^application\/grpc(?:\+[^;\s]*)?\s*(?:;|$)/i;

type Head = Pick<InboundRequest, 'method' | 'httpVersion' | 'headers'>;

/** gRPC-Web is not: it is plain HTTP that some upstreams understand. */
export function isGrpcCall({ method, httpVersion, headers }: Head): boolean {
  return (
    httpVersion === '2' && method === 'POST' && isGrpcType(headerValues(headers, 'content-type')[0] ?? '')
  );
}

export const isGrpcType = (contentType: string): boolean => CONTENT_TYPE.test(contentType);

/** `grpc-timeout` in each unit of the specification, in milliseconds. */
const UNITS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Undefined for what is no `grpc-timeout`: 1 to 8 digits and a unit. */
export function grpcTimeoutMs(text: string): number | undefined {
  const [, digits, unit = ''] = /^([0-9]{1,8})([HMSmun])$/.exec(text) ?? [];
  const unitMs = UNITS[unit];
  return digits === undefined || unitMs === undefined ? undefined : Number(digits) * unitMs;
}

/** The finest unit, from milliseconds up, in which it has no more than 8 digits; never more than there is, and never 0. */
export function grpcTimeoutText(ms: number): string {
  const [unit = 'H', unitMs = 1] =
    (['m', 'S', 'M'] as const)
      .map((name) => [name, UNITS[name] ?? 1] as const)
      .find(([, size]) => ms / size < 1e8) ?? (['H', 3_600_000] as const);
  return `${Math.max(1, Math.floor(ms / unitMs))}${unit}`;
}
