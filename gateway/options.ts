import {
  ConfigError,
  type ConfigFile,
  type Env,
  firstOfEachPlace,
  inspectConfigFile,
  isWarning,
} from '../kit/config-file.js';
import { findProblems } from './routing/find-problems.js';
import { type GatewayConfig, GatewayConfigSchema } from './routing/schema.js';

/** The gateway's config as read: right in form, not yet compiled. */
export type GatewayOptions = ConfigFile<GatewayConfig>;

/** Reads `config/gateway.yaml`, or a folder of such files merged. Throws ConfigError with all that is wrong in its form. */
export function loadGatewayConfig(configPath: string, env: Env): GatewayOptions {
  const { config, problems } = inspectConfigFile(configPath, GatewayConfigSchema, env);
  const errors = problems.filter((problem) => !isWarning(problem));
  if (config !== undefined && errors.length === 0) return config;
  throw new ConfigError(firstOfEachPlace([...errors, ...(config === undefined ? [] : findProblems(config))]));
}
