import { type Problem, problemHeaders } from '../../contracts/problem.js';
import { problemSpec } from '../../contracts/problem-codes.js';

const UNKNOWN = 2;

/**
 * What HTTP calls it, in the status codes of gRPC: by the mapping that gRPC gives for HTTP answers, except where gRPC has
 * a closer word (429, 413, 504).
 */
const STATUS: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  405: 12,
  408: 4,
  413: 8,
  421: 12,
  429: 8,
  431: 8,
  500: 13,
  501: 12,
  502: 14,
  503: 14,
  504: 4,
};

export const grpcStatusOf = ({ status }: Problem): number => STATUS[status] ?? UNKNOWN;

/** How a gRPC call is told of a problem: fixed text from the closed table, never a claim or a token. */
export function grpcFields(problem: Problem): [name: string, value: string][] {
  const { connection: _connection, ...headers } = problemHeaders(problem);
  return [
    ['grpc-status', String(grpcStatusOf(problem))],
    ['grpc-message', percentEncoded(problemSpec(problem.code).detail)],
    ['gatehouse-code', problem.code],
    ...Object.entries(headers),
  ];
}

/** `grpc-status` among headers or trailers, if it is one. */
export function grpcStatusIn(fields: readonly (Buffer | string)[]): number | undefined {
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const value = fields[i + 1]?.toString('latin1') ?? '';
    if (fields[i]?.toString('latin1').toLowerCase() === 'grpc-status')
      return /^[0-9]{1,2}$/.test(value) ? Number(value) : undefined;
  }
  return undefined;
}

/** "Status-Message" of the specification: printable ASCII without `%` as it is, other bytes of the UTF-8 as `%XX`. */
function percentEncoded(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) =>
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('');
}
