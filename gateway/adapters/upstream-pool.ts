import { createSecureContext, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { buildConnector, Pool } from 'undici';
import { internalClientTls, type TlsMaterial } from '../../kit/tls-files.js';

/** An upstream as config names it: equal targets, and who has to answer at each of them. */
export interface UpstreamSpec {
  /** `https://host:port`, at least one. */
  targets: readonly string[];
  spiffeId: string;
}

export interface UpstreamPool {
  pool: Pool;
  nextTarget(): URL;
  /** A TLS connection to one of the targets, verified like the pool's; undefined for any other address. */
  connect(host: string, port: number): TLSSocket | undefined;
}

const CONNECT_TIMEOUT_MS = 3000;

type ConnectCallback = buildConnector.Callback;

/**
 * New connections take the targets in turn; one that does not answer is passed over, before a byte of any request is
 * sent. Throws where `material` is no use to TLS.
 */
export function createUpstreamPool(
  origin: string,
  { targets, spiffeId }: UpstreamSpec,
  material: TlsMaterial,
): UpstreamPool {
  const urls = targets.map((target) => new URL(target));
  const verified = internalClientTls(material, spiffeId);
  const tls = { ...verified, secureContext: createSecureContext(verified) };
  const connector = buildConnector({ ...tls, timeout: CONNECT_TIMEOUT_MS, maxCachedSessions: 0 });
  let turn = 0;
  const nextTarget = (): URL => {
    const url = urls[turn++ % urls.length];
    if (url === undefined) throw new Error('an upstream needs a target');
    return url;
  };

  const connect: buildConnector.connector = (_options, callback) => {
    const attempt = (left: number): void => {
      const { hostname, port } = nextTarget();
      const options = { hostname: unbracket(hostname), port: port || '443', protocol: 'https:' };
      connector(options, (...result: Parameters<ConnectCallback>) => {
        if (result[0] !== null && left > 1) attempt(left - 1);
        else callback(...result);
      });
    };
    attempt(urls.length);
  };
  const pool = new Pool(origin, {
    connect,
    // Less than a server's usual five seconds, so that a request never meets a connection that is just closing.
    keepAliveTimeout: 4000,
    bodyTimeout: 0,
    pipelining: 1,
  });

  return {
    pool,
    nextTarget,
    connect(host, port) {
      const isOurs = urls.some((url) => unbracket(url.hostname) === host && Number(url.port || 443) === port);
      return isOurs ? tlsConnect({ ...tls, host, port, servername: '' }) : undefined;
    },
  };
}

const unbracket = (hostname: string): string => hostname.replace(/^\[|\]$/g, '');
