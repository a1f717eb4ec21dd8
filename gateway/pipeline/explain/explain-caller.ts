import type { AssumedCaller, Explanation } from '../../../contracts/admin-explain.js';
import { showDuration } from '../../../kit/units.js';
import { authorize, authorizeAnyone, authorizeCertificate } from '../authorize.js';
import { checkBinding } from '../check-binding.js';
import { checkCookieOrigin } from '../check-origin.js';
import { checkRevocation } from '../check-revocation.js';
import type { CredentialSources, TokenCredential } from '../credential-sources.js';
import { exchangeApiKey } from '../exchange-api-key.js';
import { extractCredential } from '../extract-credential.js';
import { identifyCertificate } from '../identify-certificate.js';
import { isProtected } from '../match-route.js';
import type { GatewayPorts } from '../ports.js';
import type { ProtectedRoute } from '../route.js';
import type { Authorized, Presented, Routed, Unrevoked, Verified } from '../states.js';
import { verifyToken } from '../verify-token.js';
import { explainRules } from './explain-rules.js';
import { explainToken, type KeySetAge } from './explain-token.js';
import { describeAge, listed } from './phrases.js';
import type { Facts, Trace } from './trace.js';

export interface CallerOptions {
  mode: Explanation['mode'];
  as: AssumedCaller | undefined;
  keySetAge: KeySetAge;
}

/** The steps of `decide-caller.ts`, each with what it looks for and what it finds. */
export async function explainCaller(
  routed: Routed,
  gateway: GatewayPorts,
  options: CallerOptions,
  trace: Trace,
): Promise<Authorized> {
  const { as, keySetAge } = options;
  if (!isProtected(routed)) {
    trace.passed('access', { expected: 'anybody', found: 'a public route takes no credential' });
    return authorizeAnyone(routed);
  }
  const presented = trace.step('credential', credentialFacts(routed, as), () => extractCredential(routed));
  if (presented.by === 'certificate') {
    const facts = { expected: presented.accepts.identity, found: 'a verified client certificate' };
    const identified = trace.step('certificate', facts, () => identifyCertificate(presented));
    return explainRules(routed, identified.caller, () => authorizeCertificate(identified), trace);
  }
  if (presented.credential.source === 'cookie') {
    const facts = { expected: 'a page that may use the cookie' };
    trace.step('cookie origin', facts, () => checkCookieOrigin(presented));
  }
  const exchanged =
    presented.credential.source === 'api-key'
      ? await trace.wait('API key', { expected: 'a key in force' }, () =>
          exchangeApiKey(presented, gateway.apiKeys),
        )
      : presented;
  const verified = await verify(exchanged, gateway, as, keySetAge, trace);
  const unrevoked = await trace.wait(
    'revocation',
    revocationFacts(verified, gateway, options.mode),
    async () => checkRevocation(verified, gateway.revocations),
  );
  const bound = trace.step('binding', bindingFacts(unrevoked), () =>
    checkBinding(unrevoked, gateway.dpopReplays),
  );
  const caller = bound.callers.by(bound.credential);
  return explainRules(routed, caller, () => authorize(bound), trace);
}

function verify(
  presented: Presented,
  gateway: GatewayPorts,
  as: AssumedCaller | undefined,
  keySetAge: KeySetAge,
  trace: Trace,
): Promise<Verified> {
  if (as === undefined) return explainToken(presented, gateway.verifiedTokens, keySetAge, trace);
  const facts = {
    expected: `a token of ${listed(presented.route.issuers.map(({ issuer }) => issuer))}`,
    found: 'taken for verified',
  };
  return trace.wait('token', facts, async () => verifyToken(presented, gateway.verifiedTokens));
}

function credentialFacts(
  { route, request, headers }: Routed<ProtectedRoute>,
  as: AssumedCaller | undefined,
): Facts {
  const { certificate } = route.credentials;
  const given = headers.filter((_, index) => index % 2 === 0 && CREDENTIAL_HEADERS.has(headers[index] ?? ''));
  const found = [
    ...new Set(given),
    ...(certificate !== undefined && request.clientCertificate !== undefined ? ['client certificate'] : []),
  ];
  return {
    expected: listed(sourceNames(route.credentials)),
    found: as === undefined ? listed(found) : `an assumed ${as.kind ?? 'user'}`,
  };
}

const CREDENTIAL_HEADERS = new Set([
  'authorization',
  'cookie',
  'dpop',
  'x-api-key',
  'sec-websocket-protocol',
]);

function sourceNames(sources: CredentialSources): string[] {
  return [
    ...(sources.bearer ? ['Authorization: Bearer'] : []),
    ...(sources.dpop === undefined ? [] : ['Authorization: DPoP with a proof']),
    ...sources.cookies.map((name) => `cookie ${name}`),
    ...(sources.apiKeyHeader === undefined ? [] : [`API key in ${sources.apiKeyHeader}`]),
    ...(sources.websocket ? ['WebSocket subprotocol'] : []),
    ...(sources.certificate === undefined ? [] : ['client certificate']),
  ];
}

function revocationFacts(
  { snapshot, route }: Verified,
  { revocations }: GatewayPorts,
  mode: Explanation['mode'],
): Facts {
  if (mode === 'offline')
    return { expected: 'no entry for it', found: 'not looked up: a running gateway knows (--live)' };
  const ageMs = revocations.ageMs();
  const rule = route.onStale === 'deny' ? 'refused' : 'served';
  return {
    expected: `no entry for it; a list older than ${showDuration(snapshot.maxStalenessMs)} is ${rule}`,
    found: Number.isFinite(ageMs)
      ? `a list confirmed ${describeAge(ageMs)}`
      : 'a list that was never in sync',
  };
}

function bindingFacts({ token, credential, request }: Unrevoked): Facts {
  const { cnf } = token.claims;
  const kinds = typeof cnf === 'object' && cnf !== null ? Object.keys(cnf) : [];
  const expected = cnf === undefined ? 'none: the token is not bound' : `proof of ${listed(kinds)}`;
  return { expected, found: foundProof(credential, request.clientCertificate !== undefined) };
}

function foundProof({ source }: TokenCredential, hasCertificate: boolean): string {
  const proofs = [
    ...(source === 'dpop' ? ['a DPoP proof'] : []),
    ...(hasCertificate ? ['a client certificate'] : []),
  ];
  return listed(proofs);
}
