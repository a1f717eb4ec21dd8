import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../../contracts/problem.js';
import { namesFromSubjectAltName } from '../../contracts/spiffe.js';

export interface AdminAccess {
  /** Empty or absent: whoever reaches the listener may call it; config allows that on loopback and sockets only. */
  token?: string | undefined;
  /** Names that the listener may be called by, besides addresses and localhost. */
  hosts?: readonly string[] | undefined;
  /** With it every caller has shown a certificate of the CA, and `clients` says whose may call. Absent: anybody's. */
  tls?: { clients?: readonly string[] | undefined } | undefined;
}

export type AdminGuard = (request: FastifyRequest) => void;

/**
 * Who may call the admin listener (design 4.8). A page in a browser can reach it too, so requests from a foreign origin,
 * or under a name that was pointed at its address (DNS rebinding), are refused: no name can be mistaken for an address.
 * Throws Problem `host_unknown`, `origin_not_allowed`, `admin_certificate` or `admin_token`.
 */
export function createAdminGuard({ token = '', hosts = [], tls }: AdminAccess): AdminGuard {
  const names = new Set(['localhost', ...hosts.map((host) => host.toLowerCase())]);
  const isOwn = (name: string): boolean => names.has(name) || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0;
  const expected = token === '' ? undefined : digest(token);
  const ownOrigin = tls === undefined ? 'http' : 'https';
  const clients = tls?.clients === undefined ? undefined : new Set(tls.clients);
  return ({ headers, raw }) => {
    const { host = '', origin, authorization = '' } = headers;
    const name = host.replace(/:[0-9]+$/, '').toLowerCase();
    // Without any name, as HTTP/1.0 allows and balancers ask for health, it was no browser.
    if (headers.host !== undefined && !isOwn(name)) throw new Problem('host_unknown');
    if (origin !== undefined && origin !== `${ownOrigin}://${host}`) throw new Problem('origin_not_allowed');
    if (clients !== undefined && !certificateNames(raw.socket).some((shown) => clients.has(shown)))
      throw new Problem('admin_certificate');
    if (expected === undefined) return;
    const [, shown = ''] = /^bearer +([^ ]+)$/i.exec(authorization) ?? [];
    if (!timingSafeEqual(digest(shown), expected)) throw new Problem('admin_token');
  };
}

/** Of the certificate that the handshake has verified. */
function certificateNames(socket: Socket): string[] {
  if (!(socket instanceof TLSSocket)) return [];
  return namesFromSubjectAltName(socket.getPeerX509Certificate()?.subjectAltName);
}

/** Of one length whatever was sent, which `timingSafeEqual` needs. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
