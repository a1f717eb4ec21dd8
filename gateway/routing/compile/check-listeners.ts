import type { ConfigFile, ConfigProblem } from '../../../kit/config-file.js';
import type { GatewayConfig } from '../schema.js';

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

export function checkListeners(config: ConfigFile<GatewayConfig>): ConfigProblem[] {
  if (LOOPBACK.has(config.value.admin.host)) return [];
  const message = 'the admin listener binds loopback only: use 127.0.0.1 or ::1';
  return [config.problem(['admin', 'host'], 'config_admin_exposed', message)];
}
