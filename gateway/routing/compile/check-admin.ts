import type { ConfigFile, ConfigProblem } from '../../../kit/config-file.js';
import type { GatewayConfig } from '../schema.js';
import { adminAddress } from './admin-address.js';

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);
/** As `openssl rand -base64 24` has it. */
const MIN_TOKEN_LENGTH = 32;

/** Whoever reaches the admin listener can change the config: only this machine, a token or a certificate may. */
export function checkAdmin(config: ConfigFile<GatewayConfig>): ConfigProblem[] {
  const { token = '', tls, socket, socket_mode: mode } = config.value.admin;
  const problems: ConfigProblem[] = [];
  const address = adminAddress(config.value.admin);
  if (address === undefined) {
    const message = 'the admin listener needs one address: host and port, or socket';
    problems.push(config.problem(['admin'], 'config_admin_address', message));
  } else if (address.kind === 'tcp' && !LOOPBACK.has(address.host) && token === '' && tls === undefined) {
    const message =
      'whoever reaches the admin listener there could change the config: set admin.token or admin.tls, or bind 127.0.0.1, ::1 or a socket';
    problems.push(config.problem(['admin', 'host'], 'config_admin_exposed', message));
  }
  if (socket !== undefined && tls !== undefined) {
    const message = 'there is no TLS on a socket: its permissions say who may call';
    problems.push(config.problem(['admin', 'tls'], 'config_admin_address', message));
  }
  if (socket === undefined && mode !== undefined) {
    const message = 'there is no socket that it could be the mode of';
    problems.push(config.problem(['admin', 'socket_mode'], 'config_admin_address', message));
  }
  if (token !== '' && token.length < MIN_TOKEN_LENGTH) {
    const message = `a token of fewer than ${MIN_TOKEN_LENGTH} characters can be guessed: openssl rand -base64 32`;
    problems.push(config.problem(['admin', 'token'], 'config_secret_short', message));
  }
  return problems;
}
