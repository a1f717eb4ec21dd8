import type { ConfigFile, ConfigProblem } from '../../kit/config-file.js';
import { checkAdmin } from './compile/check-admin.js';
import { checkAssertions } from './compile/check-assertions.js';
import { checkConflicts } from './compile/check-conflicts.js';
import { checkAllCors } from './compile/check-cors.js';
import { checkHeaderRules } from './compile/check-header-rules.js';
import { checkIdentityHeaders } from './compile/check-identity-headers.js';
import { checkIssuers } from './compile/check-issuers.js';
import { checkListeners } from './compile/check-listeners.js';
import { checkMatch } from './compile/check-match.js';
import { checkPublicUrls } from './compile/check-origins.js';
import { checkProfiles } from './compile/check-profiles.js';
import { checkRateLimits } from './compile/check-rate-limits.js';
import { checkRevocationMode } from './compile/check-revocation-mode.js';
import { checkRoutes } from './compile/check-routes.js';
import { checkUpstreams } from './compile/check-upstreams.js';
import type { GatewayConfig } from './schema.js';

/** Everything that is wrong with a config of the right form, in the order of its sections. Reads no other file. */
export function findProblems(config: ConfigFile<GatewayConfig>): ConfigProblem[] {
  return [
    ...checkAdmin(config),
    ...checkListeners(config),
    ...checkPublicUrls(config),
    ...checkIssuers(config),
    ...checkRevocationMode(config),
    ...checkUpstreams(config),
    ...checkAssertions(config),
    ...checkProfiles(config),
    ...checkRoutes(config),
    ...checkMatch(config),
    ...checkConflicts(config),
    ...checkAllCors(config),
    ...checkHeaderRules(config),
    ...checkIdentityHeaders(config),
    ...checkRateLimits(config),
  ];
}
