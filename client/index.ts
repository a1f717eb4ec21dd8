/** For whoever calls an API behind Gatehouse, in a browser or in Node. Depends on nothing. */
export type { SessionSummary } from '../contracts/auth-api.js';
export { type Change, type Client, type ClientOptions, createClient } from './create-client.js';
export {
  createServiceClient,
  type ServiceClient,
  type ServiceClientOptions,
} from './create-service-client.js';
export { type ErrorCode, GatehouseError } from './errors.js';
export type { Identity } from './identity.js';
export { errorOf } from './send.js';
export { memoryStore, type TokenStore } from './store.js';
