import { invalidAddress } from '../../../kit/address-list.js';
import type { ConfigFile, ConfigProblem } from '../../../kit/config-file.js';
import type { GatewayConfig } from '../schema.js';

export function checkListeners(config: ConfigFile<GatewayConfig>): ConfigProblem[] {
  const invalid = invalidAddress(config.value.listen.trusted_proxies ?? []);
  if (invalid === undefined) return [];
  const message = `"${invalid}" is no address or network: write it as 10.0.0.1 or 10.0.0.0/8`;
  return [config.problem(['listen', 'trusted_proxies'], 'config_address', message)];
}
