import { type PeerCertificate, connect as tlsConnect } from 'node:tls';
import { spiffeIdFromSubjectAltName } from '../../contracts/spiffe.js';
import type { Clock } from '../../kit/clock.js';
import { internalClientTls, PeerIdentityError, type TlsMaterial } from '../../kit/tls-files.js';

export interface HandshakeOptions {
  material: TlsMaterial;
  /** Who has to answer. */
  spiffeId: string;
  /** What it has to speak. Default: HTTP/1.1, for which no server has to say anything. */
  protocol?: 'http1' | 'http2' | undefined;
  clock: Clock;
  timeoutMs: number;
}

/** With TLS 1.3 a server judges our certificate after we are through: time in which it may still refuse. */
const VERDICT_MS = 500;

/**
 * The handshake that every connection to an upstream begins with, and nothing after it. Rejects with the reason in
 * words.
 */
export function tryHandshake(target: URL, options: HandshakeOptions): Promise<void> {
  const { material, spiffeId, protocol = 'http1', clock, timeoutMs } = options;
  return new Promise((resolve, reject) => {
    let seen: string | undefined;
    let isThrough = false;
    const tls = internalClientTls(material, spiffeId);
    const socket = tlsConnect({
      ...tls,
      host: target.hostname.replace(/^\[|\]$/g, ''),
      port: Number(target.port || 443),
      servername: '',
      ...(protocol === 'http2' ? { ALPNProtocols: ['h2'] } : {}),
      checkServerIdentity(host: string, certificate: PeerCertificate) {
        seen = spiffeIdFromSubjectAltName(certificate.subjectaltname);
        return tls.checkServerIdentity(host, certificate);
      },
    });
    let cancel = clock.after(timeoutMs, () => finish(new Error('no answer in time')));
    const finish = (error?: Error): void => {
      cancel();
      socket.destroy();
      if (error === undefined) resolve();
      else reject(new Error(reasonOf(error, spiffeId, seen), { cause: error }));
    };
    socket.on('error', finish);
    socket.on('close', () =>
      finish(
        new Error(
          isThrough ? 'it closes the connection: it refuses our certificate' : 'it closes the connection',
        ),
      ),
    );
    // A session ticket comes from a server that is content with us.
    socket.on('session', () => finish());
    socket.on('secureConnect', () => {
      isThrough = true;
      if (protocol === 'http2' && socket.alpnProtocol !== 'h2') {
        finish(new Error(NO_HTTP2));
        return;
      }
      cancel();
      cancel = clock.after(VERDICT_MS, () => finish());
    });
  });
}

function reasonOf(error: Error, expected: string, seen: string | undefined): string {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (error instanceof PeerIdentityError)
    return `the certificate there is of ${seen ?? 'nobody with a SPIFFE id'}, not of ${expected}`;
  if (code.endsWith('NO_APPLICATION_PROTOCOL')) return NO_HTTP2;
  if (/ALERT/.test(code)) return `it refuses our certificate (${code})`;
  return REASONS[code] ?? (code === '' ? error.message : code);
}

const NO_HTTP2 = 'it speaks no HTTP/2, which protocol: http2 asks for';

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection is refused: nothing listens there',
  ECONNRESET: 'the connection was reset: it may refuse our certificate, or speak no TLS',
  EPROTO: 'what answers there speaks no TLS',
  ERR_SSL_WRONG_VERSION_NUMBER: 'what answers there speaks no TLS',
  ENOTFOUND: 'the name cannot be resolved',
  EAI_AGAIN: 'the name cannot be resolved at the moment',
  EHOSTUNREACH: 'there is no way to that address',
  ENETUNREACH: 'there is no way to that address',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not from internal_tls.ca',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not from internal_tls.ca',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not from internal_tls.ca',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is not from internal_tls.ca',
  CERT_SIGNATURE_FAILURE: 'its certificate is not from internal_tls.ca',
};
