/** For a team's own unit tests: callers as the gateway would tell of them, without a gateway. Never in production. */
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { type Identity, identityHeaderObject } from '../../contracts/identity-headers.js';
import { asInjected } from '../injected.js';

/** A user unless it says otherwise; `subject` is `test-user` unless given or anonymous. */
export type TestIdentity = Partial<Identity>;

/** A whole identity, out of what matters to a test. */
export function testIdentity(identity: TestIdentity = {}): Identity {
  const { kind = 'user', scopes = [], roles = [], ...rest } = identity;
  const subject = kind === 'anonymous' ? {} : { subject: 'test-user' };
  return { kind, ...subject, scopes, roles, ...rest };
}

/** The headers that the gateway would send for it. */
export function identityHeaders(identity: TestIdentity = {}): Record<string, string> {
  return identityHeaderObject(testIdentity(identity));
}

/**
 * Fastify's `inject` as the gateway, on behalf of this caller: `https: {}` is enough for an app under test, and
 * `gatehouseIdentity` is as strict as ever with every real connection.
 */
export function injectAs(
  app: FastifyInstance,
  identity: TestIdentity,
  request: InjectOptions | string,
): Promise<LightMyRequestResponse> {
  const options = typeof request === 'string' ? { url: request } : request;
  const headers = { ...options.headers, ...identityHeaders(identity) };
  return asInjected(() => Promise.resolve(app.inject({ ...options, headers })));
}
