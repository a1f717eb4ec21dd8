import type { ConfigFile, ConfigProblem } from '../../../kit/config-file.js';
import type { GatewayConfig } from '../schema.js';

export function checkRevocationMode(config: ConfigFile<GatewayConfig>): ConfigProblem[] {
  const { mode, redis_url: redisUrl = '' } = config.value.revocation;
  if (mode !== 'lookup' || redisUrl !== '') return [];
  const message = 'mode lookup asks Redis on each request: set redis_url, or use mode replica';
  return [config.problem(['revocation', 'mode'], 'config_revocation_mode', message)];
}
