import { type ConfigFile, type Env, readConfigFile } from '../kit/config-file.js';
import { type GatewayConfig, GatewayConfigSchema } from './routing/schema.js';

/** The gateway's config as read: right in form, not yet compiled. */
export type GatewayOptions = ConfigFile<GatewayConfig>;

/** Reads `config/gateway.yaml`, or a folder of such files merged. Throws ConfigError with all that is wrong in its form. */
export function loadGatewayConfig(configPath: string, env: Env): GatewayOptions {
  return readConfigFile(configPath, GatewayConfigSchema, env);
}
