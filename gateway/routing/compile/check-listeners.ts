import { invalidAddress } from '../../../kit/address-list.js';
import type { ConfigFile, ConfigProblem } from '../../../kit/config-file.js';
import type { GatewayConfig } from '../schema.js';

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);
/** As `openssl rand -base64 24` has it. */
const MIN_TOKEN_LENGTH = 32;

export function checkListeners(config: ConfigFile<GatewayConfig>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const { host, token = '' } = config.value.admin;
  if (!LOOPBACK.has(host) && token === '') {
    const message =
      'whoever reaches the admin listener there could change the config: set admin.token, or bind 127.0.0.1 or ::1';
    problems.push(config.problem(['admin', 'host'], 'config_admin_exposed', message));
  }
  if (token !== '' && token.length < MIN_TOKEN_LENGTH) {
    const message = `a token of fewer than ${MIN_TOKEN_LENGTH} characters can be guessed: openssl rand -base64 32`;
    problems.push(config.problem(['admin', 'token'], 'config_secret_short', message));
  }
  const invalid = invalidAddress(config.value.listen.trusted_proxies ?? []);
  if (invalid !== undefined) {
    const message = `"${invalid}" is no address or network: write it as 10.0.0.1 or 10.0.0.0/8`;
    problems.push(config.problem(['listen', 'trusted_proxies'], 'config_address', message));
  }
  return problems;
}
