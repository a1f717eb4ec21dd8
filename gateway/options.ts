import {
  ConfigError,
  type ConfigFile,
  type ConfigInspection,
  type ConfigText,
  type Env,
  firstOfEachPlace,
  inOrderOfPlaces,
  inspectConfigFile,
  inspectConfigTexts,
  isWarning,
} from '../kit/config-file.js';
import { findProblems } from './routing/find-problems.js';
import { type GatewayConfig, GatewayConfigSchema } from './routing/schema.js';

/** The gateway's config as read: right in form, not yet compiled. */
export type GatewayConfigFile = ConfigFile<GatewayConfig>;

/** {@link GatewayConfigFile} that can be read again. */
export interface GatewayOptions extends GatewayConfigFile {
  /** What is on disk by now, with the same environment. Throws as {@link loadGatewayConfig} does. */
  readAgain(): GatewayOptions;
  /** Texts of an earlier version in place of what is on disk, with the same environment. */
  withTexts(name: string, texts: readonly ConfigText[]): GatewayOptions;
}

/** Reads `config/gateway.yaml`, or a folder of such files merged. Throws ConfigError with all that is wrong in its form. */
export function loadGatewayConfig(configPath: string, env: Env): GatewayOptions {
  return optionsOf(configPath, env, inspectConfigFile(configPath, GatewayConfigSchema, env));
}

/** {@link loadGatewayConfig} with texts that another process has read. */
export function gatewayConfigOf(
  configPath: string,
  env: Env,
  name: string,
  texts: readonly ConfigText[],
): GatewayOptions {
  return optionsOf(configPath, env, inspectConfigTexts(name, texts, GatewayConfigSchema, env));
}

function optionsOf(
  configPath: string,
  env: Env,
  inspection: ConfigInspection<GatewayConfig>,
): GatewayOptions {
  return {
    ...goodOf(inspection),
    readAgain: () => loadGatewayConfig(configPath, env),
    withTexts: (name, texts) => gatewayConfigOf(configPath, env, name, texts),
  };
}

function goodOf({ config, problems }: ConfigInspection<GatewayConfig>): ConfigFile<GatewayConfig> {
  const errors = problems.filter((problem) => !isWarning(problem));
  if (config !== undefined && errors.length === 0) return config;
  const all = [...errors, ...(config === undefined ? [] : findProblems(config))];
  throw new ConfigError(inOrderOfPlaces(firstOfEachPlace(all)));
}
