import { join } from 'node:path';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { GATEWAY_SPIFFE_ID, spiffeIdFromSubjectAltName } from '../contracts/spiffe.js';
import { StartupError } from '../kit/startup-error.js';
import { readTlsFiles } from '../kit/tls-files.js';
import { terminal } from './terminal.js';

/** How to connect, as `request` of `node:http` and `node:https` takes it. */
export interface Connection {
  protocol: 'http:' | 'https:';
  host: string;
  port?: number;
  socketPath?: string;
  ca?: string;
  cert?: string;
  key?: string;
  minVersion?: 'TLSv1.2';
  checkServerIdentity?: typeof checkServerIdentity;
}

/** The operator's folder of certificates: as given, PKI_DIR, or that of a `gatehouse start` on this machine. */
export function operatorFolder(given: string | undefined, env: NodeJS.ProcessEnv = terminal().env): string {
  return given ?? (env['PKI_DIR'] || join(env['GATEHOUSE_DATA'] || '.gatehouse', 'pki'));
}

/** Reads `http://…`, `https://…` or `unix:` and a path. Throws StartupError for anything else. */
export function adminConnection(address: string, pki: string | undefined): Connection {
  if (address.startsWith('unix:'))
    return { protocol: 'http:', host: 'localhost', socketPath: address.slice('unix:'.length) };
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const protocol = url?.protocol;
  if (url === undefined || (protocol !== 'http:' && protocol !== 'https:'))
    throw new StartupError(`${address} is not an http:// or https:// URL, nor unix: and a path`);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = url.port === '' ? {} : { port: Number(url.port) };
  return protocol === 'http:'
    ? { protocol, host, ...port }
    : { protocol, host, ...port, ...operatorTls(operatorFolder(pki)) };
}

/** The gateway shows a certificate of its host name, or its own internal one. */
function operatorTls(folder: string) {
  const material = readTlsFiles({
    ca: join(folder, 'ca.pem'),
    cert: join(folder, 'operator.pem'),
    key: join(folder, 'operator-key.pem'),
  });
  return {
    ...material,
    minVersion: 'TLSv1.2' as const,
    checkServerIdentity: (host: string, certificate: PeerCertificate) =>
      spiffeIdFromSubjectAltName(certificate.subjectaltname) === GATEWAY_SPIFFE_ID
        ? undefined
        : checkServerIdentity(host, certificate),
  };
}
