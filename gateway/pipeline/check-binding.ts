import { Problem } from '../../contracts/problem.js';
import { advance } from './advance.js';
import { checkDpopProof } from './check-dpop-proof.js';
import type { DpopReplays } from './ports.js';
import type { Bound, ClientCertificate, Unrevoked } from './states.js';

/**
 * Whoever shows a bound token (RFC 7800) has to prove that it is theirs: by a DPoP proof for `jkt` (RFC 9449), by the
 * client certificate for `x5t#S256` (RFC 8705). A binding of a kind that nobody here can check is one that is not met.
 */
export function checkBinding(unrevoked: Unrevoked, replays: DpopReplays): Bound {
  const { token, credential, request } = unrevoked;
  const { cnf } = token.claims;
  if (cnf === undefined && credential.source !== 'dpop') return advance(unrevoked, BOUND);
  const { jkt, 'x5t#S256': x5t } = confirmation(cnf);
  if (cnf !== undefined && jkt === undefined && x5t === undefined) throw unmet('binding.unknown');
  if (x5t !== undefined && x5t !== thumbprintOf(request.clientCertificate))
    throw unmet('binding.certificate');
  if (credential.source === 'dpop') {
    // RFC 9449 section 7.1: the scheme says that the token is bound to the proof's key, and then it has to be.
    if (typeof jkt !== 'string') throw unmet('dpop.unbound');
    checkDpopProof(unrevoked, jkt, replays);
  } else if (jkt !== undefined) {
    throw unmet('dpop.bearer');
  }
  return advance(unrevoked, BOUND);
}

function confirmation(cnf: unknown): { jkt?: unknown; 'x5t#S256'?: unknown } {
  return typeof cnf === 'object' && cnf !== null && !Array.isArray(cnf) ? cnf : {};
}

/** RFC 8705 section 3.1: base64url of the SHA-256 of the DER. */
function thumbprintOf(certificate: ClientCertificate | undefined): string | undefined {
  if (certificate === undefined) return undefined;
  return Buffer.from(certificate.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url');
}

const BOUND = { bindingChecked: true } as const;

const unmet = (reason: string): Problem => new Problem('token_binding', { reason });
