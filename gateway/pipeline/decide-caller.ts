import { Problem } from '../../contracts/problem.js';
import { identityHeadersOf } from './add-identity-headers.js';
import { attributeTo } from './attribute-problem.js';
import { authorize, authorizeAnyone, authorizeCertificate } from './authorize.js';
import { checkBinding } from './check-binding.js';
import { checkCookieOrigin } from './check-origin.js';
import { checkRevocation } from './check-revocation.js';
import { exchangeApiKey } from './exchange-api-key.js';
import { extractCredential } from './extract-credential.js';
import { identifyCertificate } from './identify-certificate.js';
import { isProtected } from './match-route.js';
import type { GatewayPorts } from './ports.js';
import type { ProtectedRoute } from './route.js';
import type { Authorized, Presented, Routed, Unrevoked, Verified } from './states.js';
import { verifyToken } from './verify-token.js';

/** What was decided about the caller. */
export interface Decision {
  authorized: Authorized;
  /** The issuer of the token that decided it, by its name in config. */
  issuer?: string | undefined;
  /** Decided by a copy of the revocations that is too old. */
  stale?: boolean;
  /** The refusal that a route in report-only mode did not carry out. */
  reported?: Problem;
}

/** At once where nobody has to be asked, as for a token that is known: a promise costs a request more than its checks. */
type Decided = Decision | Promise<Decision>;

/** Who is calling, and whether they may. Public routes are another type of route and take no credential. */
export function decideCaller(routed: Routed, gateway: GatewayPorts): Decided {
  if (!isProtected(routed)) return { authorized: authorizeAnyone(routed) };
  if (routed.route.reportOnly) return reportOnly(routed, gateway);
  return authorizeCaller(routed, gateway);
}

function authorizeCaller(routed: Routed<ProtectedRoute>, gateway: GatewayPorts): Decided {
  const presented = extractCredential(routed);
  if (presented.by === 'certificate') {
    return { authorized: authorizeCertificate(identifyCertificate(presented)) };
  }
  checkCookieOrigin(presented);
  const { credential } = presented;
  if (credential.source !== 'api-key') return authorizeToken(presented, gateway);
  return authorizeApiKey(presented, credential.text, gateway);
}

/**
 * By the token that the key stands for. One that is held may be void while the key is not, as after the emergency
 * rotation of a signing key: then the key is asked for once more, rather than refused until its token would be renewed.
 */
async function authorizeApiKey(presented: Presented, key: string, gateway: GatewayPorts): Promise<Decision> {
  const exchanged = await exchangeApiKey(presented, gateway.apiKeys);
  try {
    return await authorizeToken(exchanged, gateway);
  } catch (error) {
    const isRefused = error instanceof Problem && error.status === 401;
    if (!isRefused || !gateway.apiKeys.discard(key, exchanged.credential.text)) throw error;
  }
  return authorizeToken(await exchangeApiKey(presented, gateway.apiKeys), gateway);
}

function authorizeToken(presented: Presented, gateway: GatewayPorts): Decided {
  const verified = verifyToken(presented, gateway.verifiedTokens);
  if (verified instanceof Promise) return verified.then((token) => authorizeVerified(token, gateway));
  return authorizeVerified(verified, gateway);
}

function authorizeVerified(verified: Verified, gateway: GatewayPorts): Decided {
  try {
    const unrevoked = checkRevocation(verified, gateway.revocations);
    if (!(unrevoked instanceof Promise)) return authorizeUnrevoked(unrevoked, gateway);
    return unrevoked
      .then((token) => authorizeUnrevoked(token, gateway))
      .catch((error: unknown) => {
        throw attributeTo(verified.issuer, error);
      });
  } catch (error) {
    throw attributeTo(verified.issuer, error);
  }
}

function authorizeUnrevoked(unrevoked: Unrevoked, gateway: GatewayPorts): Decision {
  const bound = checkBinding(unrevoked, gateway.dpopReplays);
  return { authorized: authorize(bound), issuer: unrevoked.issuer.name, stale: unrevoked.isStale };
}

/**
 * The same decision, but whoever would be refused goes on as nobody: with nothing of what they claimed to be. What is
 * not a refusal is a fault of ours, and is not let through. It is a copy that is decided on, so that nothing of it stays.
 */
async function reportOnly(routed: Routed<ProtectedRoute>, gateway: GatewayPorts): Promise<Decision> {
  try {
    const decision = await authorizeCaller({ ...routed }, gateway);
    identityHeadersOf(decision.authorized, gateway.assertions);
    return decision;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { authorized: authorizeAnyone(routed), issuer: error.issuer, reported: error };
  }
}
