import type { ConfigFile, ConfigProblem } from '../../../kit/config-file.js';
import { MIN_SECRET_CHARACTERS } from '../schema/assertions.js';
import type { GatewayConfig } from '../schema.js';

export function checkAssertions(config: ConfigFile<GatewayConfig>): ConfigProblem[] {
  const { secret = '' } = config.value.assertions ?? {};
  if (secret === '' || secret.length >= MIN_SECRET_CHARACTERS) return [];
  const message =
    `the secret is too short to derive keys from: ${MIN_SECRET_CHARACTERS} random characters or more ` +
    '(openssl rand -base64 32)';
  return [config.problem(['assertions', 'secret'], 'config_secret_short', message)];
}
