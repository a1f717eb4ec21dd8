import { closest } from '../../../kit/closest.js';
import type { ConfigFile, ConfigPath, ConfigProblem } from '../../../kit/config-file.js';
import type { GatewayConfig } from '../schema.js';

/** A name that has to stand under one of the config's sections. */
export function checkName(
  config: ConfigFile<GatewayConfig>,
  at: ConfigPath,
  name: string,
  known: Readonly<Record<string, unknown>>,
  kind: string,
): ConfigProblem[] {
  if (Object.hasOwn(known, name)) return [];
  const guess = closest(name, Object.keys(known));
  const remedy =
    guess === undefined ? `known: ${Object.keys(known).join(', ') || 'none'}` : `did you mean "${guess}"?`;
  return [config.problem(at, 'config_dangling_name', `there is no ${kind} "${name}": ${remedy}`)];
}
