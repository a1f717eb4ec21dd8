import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../../contracts/problem.js';

export interface AdminAccess {
  /** Empty or absent: whoever reaches the listener may call it; config allows that on loopback only. */
  token?: string | undefined;
  /** Names that the listener may be called by, besides addresses and localhost. */
  hosts?: readonly string[] | undefined;
}

/**
 * Who may call the admin listener (design 4.8). A page in a browser can reach it too, so requests from a foreign origin,
 * or under a name that was pointed at its address (DNS rebinding), are refused: no name can be mistaken for an address.
 * Throws Problem `host_unknown`, `origin_not_allowed` or `admin_token`.
 */
export function createAdminGuard({ token = '', hosts = [] }: AdminAccess): (request: FastifyRequest) => void {
  const names = new Set(['localhost', ...hosts.map((host) => host.toLowerCase())]);
  const expected = token === '' ? undefined : digest(token);
  return ({ headers }) => {
    const { host = '', origin, authorization = '' } = headers;
    const name = host.replace(/:[0-9]+$/, '').toLowerCase();
    if (isIP(name.replace(/^\[(.*)\]$/, '$1')) === 0 && !names.has(name)) throw new Problem('host_unknown');
    if (origin !== undefined && origin !== `http://${host}`) throw new Problem('origin_not_allowed');
    if (expected === undefined) return;
    const [, shown = ''] = /^bearer +([^ ]+)$/i.exec(authorization) ?? [];
    if (!timingSafeEqual(digest(shown), expected)) throw new Problem('admin_token');
  };
}

/** Of one length whatever was sent, which `timingSafeEqual` needs. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
