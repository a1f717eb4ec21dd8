import { invalidAddress } from '../../../kit/address-list.js';
import type { ConfigFile, ConfigProblem } from '../../../kit/config-file.js';
import type { GatewayConfig } from '../schema.js';

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

export function checkListeners(config: ConfigFile<GatewayConfig>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (!LOOPBACK.has(config.value.admin.host)) {
    const message = 'the admin listener binds loopback only: use 127.0.0.1 or ::1';
    problems.push(config.problem(['admin', 'host'], 'config_admin_exposed', message));
  }
  const invalid = invalidAddress(config.value.listen.trusted_proxies ?? []);
  if (invalid !== undefined) {
    const message = `"${invalid}" is no address or network: write it as 10.0.0.1 or 10.0.0.0/8`;
    problems.push(config.problem(['listen', 'trusted_proxies'], 'config_address', message));
  }
  return problems;
}
