/** The auth service. The only file that embedded and cli import. */

export type { AccountSpec } from './accounts/ensure-account.js';
export { authApiDocument, OPERATIONS, type Operation, refusalCodes, TAGS } from './api-document/document.js';
export {
  type AuthService,
  type AuthServiceDeps,
  startAuthService,
} from './compose.js';
export { runAuthService } from './main.js';
export { type AuthConfig, loadAuthConfig } from './options.js';
