import type { Server, Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { addressGroup } from '../../kit/address-group.js';
import type { AddressList } from '../../kit/address-list.js';
import type { Clock } from '../../kit/clock.js';
import type { Logger } from '../../kit/logger.js';
import { cutSocket } from './cut-connection.js';

/** Bounds of all client connections together, and of one that is stuck. */
export interface ConnectionBounds {
  connections: number;
  connectionsPerAddress: number;
  /** Then a client is to connect anew; 0 for never. */
  requestsPerConnection: number;
  clientStallMs: number;
}

export interface ClientConnectionsDeps {
  /** In force at the moment; those that are open already stay. */
  edge: () => { limits: ConnectionBounds; trustedProxies: AddressList };
  clock: Clock;
  logger: Logger;
}

const LOOK_EVERY_MS = 1000;
const WARN_AT_MOST_EVERY_MS = 10_000;

/**
 * Every connection of the public listener. What is too many is reset as soon as it is accepted: before a TLS handshake,
 * and without a line in the access log, both of which are what a flood is after. A client that takes nothing of what
 * waits for it is cut off, whatever that is: forwarding watches over what is still to come from an upstream, and nobody
 * else over the end of a response, or over answers to requests that are sent without reading any.
 */
export class ClientConnections {
  /** By the setting that said so. */
  readonly refused = { connections: 0, connections_per_address: 0 };
  readonly #deps: ClientConnectionsDeps;
  readonly #perAddress = new Map<string, number>();
  /** Where responses are written to, and which of them wait: since when, at how many bytes. */
  readonly #written = new Set<Socket>();
  readonly #requests = new WeakMap<Socket, number>();
  readonly #stuck = new Map<Socket, { since: number; at: number }>();
  #open = 0;
  #warnAt = Number.NEGATIVE_INFINITY;
  #cancel: () => void = () => undefined;

  constructor(deps: ClientConnectionsDeps) {
    this.#deps = deps;
  }

  get open(): number {
    return this.#open;
  }

  /** To be called when all that serves connections has been added to the server. */
  guard(server: Server): void {
    const serve = server.listeners('connection');
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      if (!this.#admit(socket)) socket.resetAndDestroy();
      else for (const listener of serve) Reflect.apply(listener, server, [socket]);
    });
    const writable = server instanceof TlsServer ? 'secureConnection' : 'connection';
    server.on(writable, (socket: Socket) => {
      if (socket.destroyed) return;
      this.#written.add(socket);
      socket.once('close', () => {
        this.#written.delete(socket);
        this.#stuck.delete(socket);
      });
    });
    this.#look();
  }

  /** To be called once for each request of HTTP/1.1. Node's own `maxRequestsPerSocket` says so, and does not close. */
  isLastRequest(socket: Socket): boolean {
    const { requestsPerConnection } = this.#deps.edge().limits;
    if (requestsPerConnection === 0) return false;
    const requests = (this.#requests.get(socket) ?? 0) + 1;
    this.#requests.set(socket, requests);
    return requests >= requestsPerConnection;
  }

  stop(): void {
    this.#cancel();
  }

  /** A proxy that is trusted stands for many clients: it counts, but not as one of them. */
  #admit(socket: Socket): boolean {
    const { limits, trustedProxies } = this.#deps.edge();
    const { remoteAddress = '' } = socket;
    const group = addressGroup(remoteAddress);
    const others = this.#perAddress.get(group) ?? 0;
    if (this.#open >= limits.connections) return this.#refuse('connections', group);
    if (others >= limits.connectionsPerAddress && !trustedProxies.has(remoteAddress))
      return this.#refuse('connections_per_address', group);
    this.#open += 1;
    this.#perAddress.set(group, others + 1);
    socket.once('close', () => {
      this.#open -= 1;
      const left = (this.#perAddress.get(group) ?? 1) - 1;
      if (left > 0) this.#perAddress.set(group, left);
      else this.#perAddress.delete(group);
    });
    return true;
  }

  #refuse(limit: keyof ClientConnections['refused'], address: string): false {
    this.refused[limit] += 1;
    const now = this.#deps.clock.monotonic();
    if (now >= this.#warnAt) {
      this.#warnAt = now + WARN_AT_MOST_EVERY_MS;
      const refused = this.refused[limit];
      this.#deps.logger.warn(
        { limit: `limits.${limit}`, address, refused },
        'client connections are refused',
      );
    }
    return false;
  }

  #look(): void {
    const now = this.#deps.clock.monotonic();
    const { clientStallMs } = this.#deps.edge().limits;
    for (const socket of this.#written) {
      const { writableLength } = socket;
      if (writableLength === 0) {
        this.#stuck.delete(socket);
        continue;
      }
      const stuck = this.#stuck.get(socket);
      const at = socket.bytesWritten - writableLength;
      if (stuck?.at !== at) this.#stuck.set(socket, { since: now, at });
      else if (now - stuck.since >= clientStallMs) cutSocket(socket);
    }
    this.#cancel = this.#deps.clock.after(LOOK_EVERY_MS, () => this.#look());
  }
}
