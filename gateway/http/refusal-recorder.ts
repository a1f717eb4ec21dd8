import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { type GatewayPorts, newTransfer, type RequestFacts } from '../pipeline/ports.js';
import type { RecordRefusal } from './answer-client-error.js';

/** One outcome each for requests that were refused before there was a request. */
export function refusalRecorder({ monotonic, record }: GatewayPorts): RecordRefusal {
  return ({ id, problem, socket }) => {
    const now = monotonic();
    record({
      request: unreadRequest(id, socket),
      route: undefined,
      status: problem.status,
      problem,
      cut: undefined,
      decided: false,
      reported: undefined,
      issuer: undefined,
      subject: undefined,
      stale: false,
      transfer: newTransfer(),
      startedAt: now,
      endedAt: now,
    });
  };
}

function unreadRequest(id: string, socket: Duplex): RequestFacts {
  return {
    id,
    method: '',
    target: '',
    httpVersion: '',
    remoteAddress: (socket as Partial<Socket>).remoteAddress ?? '',
    protocol: socket instanceof TLSSocket ? 'https' : 'http',
    isUpgrade: false,
  };
}
