import type { ConfigFile, ConfigProblem } from '../../../kit/config-file.js';
import type { GatewayConfig } from '../schema.js';

export function checkRevocationMode(config: ConfigFile<GatewayConfig>): ConfigProblem[] {
  const { mode, redis_url: redisUrl = '' } = config.value.revocation;
  if (redisUrl !== '') {
    const isRedis = URL.canParse(redisUrl) && /^rediss?:$/.test(new URL(redisUrl).protocol);
    // Not quoted: it may hold a password.
    const message = 'this is no URL of Redis: write redis://host:6379, rediss:// for TLS, or leave it empty';
    return isRedis ? [] : [config.problem(['revocation', 'redis_url'], 'config_redis_url', message)];
  }
  if (mode !== 'lookup') return [];
  const message = 'mode lookup asks Redis on each request: set redis_url, or use mode replica';
  return [config.problem(['revocation', 'mode'], 'config_revocation_mode', message)];
}
