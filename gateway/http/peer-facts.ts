import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { AddressList } from '../../kit/address-list.js';
import { clientAddress } from '../pipeline/forwarding-headers.js';
import { headerValues } from '../pipeline/headers.js';
import type { ClientCertificate, HeaderList, InboundRequest } from '../pipeline/states.js';

type PeerFacts = Pick<InboundRequest, 'remoteAddress' | 'peer' | 'protocol' | 'clientCertificate'>;

/** Who sent a request, as the connection and trusted proxies tell. `headers` with names in lower case. */
export function peerFacts(socket: Socket, headers: HeaderList, trustedProxies: AddressList): PeerFacts {
  const address = socket.remoteAddress ?? '';
  const isTrustedProxy = trustedProxies.has(address);
  const certificate = clientCertificate(socket);
  return {
    remoteAddress: isTrustedProxy
      ? clientAddress(address, headerValues(headers, 'x-forwarded-for'), (hop) => trustedProxies.has(hop))
      : address,
    peer: { address, isTrustedProxy },
    protocol: socket instanceof TLSSocket ? 'https' : 'http',
    ...(certificate === undefined ? {} : { clientCertificate: certificate }),
  };
}

const certificates = new WeakMap<Socket, ClientCertificate>();

/** Read once a connection. A certificate that did not verify is none (`authorized` is about the client's CA). */
function clientCertificate(socket: Socket): ClientCertificate | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const known = certificates.get(socket);
  if (known !== undefined) return known;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  const { raw, subject, subjectAltName, fingerprint256 } = certificate;
  const read = { der: raw, subject, subjectAltName, fingerprint256 };
  certificates.set(socket, read);
  return read;
}
