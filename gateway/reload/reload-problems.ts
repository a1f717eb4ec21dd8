import type { ConfigReloadProblem } from '../../contracts/admin-api.js';
import { ConfigError } from '../../kit/config-file.js';
import { UnknownVersionError } from './config-history.js';

/** What is wrong, in a form for tools. A surprise says nothing of itself here: the log does. */
export function problemsOf(error: unknown): ConfigReloadProblem[] {
  if (error instanceof ConfigError) return [...error.problems];
  if (error instanceof UnknownVersionError)
    return [{ code: 'config_version_unknown', message: error.message }];
  const message = 'the gateway failed to read the config; its log says why';
  return [{ code: 'config_internal_error', message }];
}
