/** For upstream teams: trust the gateway, and nobody else, to say who is calling (design 4.2). */
export {
  IDENTITY_HEADERS,
  IDENTITY_KINDS,
  type Identity,
  type IdentityKind,
} from '../contracts/identity-headers.js';
export { GATEWAY_SPIFFE_ID } from '../contracts/spiffe.js';
export { type AcceptOnlyGatewayOptions, acceptOnlyGateway } from './accept-only-gateway.js';
export {
  gatehouseMiddleware,
  type Middleware,
  type MiddlewareOptions,
  requireScopes,
} from './connect-identity.js';
export { gatehouseIdentity, requireScope } from './fastify-identity.js';
export { type GatewayServerTls, gatewayServerOptions } from './gateway-server-options.js';
export { IdentityError, type IdentityErrorReason, readIdentity } from './read-identity.js';
export { refuseUpgrade } from './refuse-connection.js';
export { type GatewayOptions, NotTheGatewayError, requireGateway } from './require-gateway.js';
export {
  AssertionError,
  type AssertionKeySet,
  assertionKeys,
  type VerifyAssertionOptions,
  verifyAssertion,
} from './verify-assertion.js';
