import type { Identity } from '../../contracts/identity-headers.js';
import { Problem } from '../../contracts/problem.js';
import { spiffeIdFromSubjectAltName } from '../../contracts/spiffe.js';
import { advance } from './advance.js';
import { type Caller, callerWithoutToken } from './caller.js';
import type { CertificateSource } from './credential-sources.js';
import type { ClientCertificate, Identified, PresentedCertificate } from './states.js';

/** One caller for a certificate and a source, so that a connection's requests share what is made from it. */
const callers = new WeakMap<CertificateSource, WeakMap<ClientCertificate, Caller>>();

/**
 * Who the client certificate names. The TLS listener has verified it against the client CAs; a certificate that holds
 * no name of the kind that the profile goes by is nobody.
 */
export function identifyCertificate(presented: PresentedCertificate): Identified {
  const { certificate, accepts } = presented;
  const known = callers.get(accepts) ?? new WeakMap<ClientCertificate, Caller>();
  callers.set(accepts, known);
  let caller = known.get(certificate);
  if (caller === undefined) {
    caller = callerWithoutToken(identityOf(certificate, accepts));
    known.set(certificate, caller);
  }
  return advance(presented, { caller });
}

function identityOf(
  certificate: ClientCertificate,
  { identity, scopes, roles }: CertificateSource,
): Identity {
  const subject =
    identity === 'spiffe_id'
      ? spiffeIdFromSubjectAltName(certificate.subjectAltName)
      : distinguishedName(certificate.subject);
  if (subject === undefined)
    throw new Problem('certificate_not_accepted', { reason: `certificate.${identity}` });
  return { kind: 'certificate', subject, scopes, roles };
}

/** Node prints an attribute a line, `CN=…`, escaping what could forge a line; joined as one, the broadest first. */
function distinguishedName(subject: string): string | undefined {
  // A certificate may have no subject at all.
  const name = (subject as string | undefined)?.split('\n').join(',') ?? '';
  return name === '' || /\p{Cc}/u.test(name) ? undefined : name;
}
