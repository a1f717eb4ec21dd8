import { isDeepStrictEqual } from 'node:util';
import type { ConfigPath, ConfigProblem } from '../../kit/config-file.js';
import { takesEffectLive } from '../live-settings.js';
import type { GatewayOptions } from '../options.js';

/** Parts of which some members can change live and others not. */
const SPLIT: readonly string[] = ['', 'listen', 'listen.tls', 'admin', 'admin.tls', 'revocation'];

/** What differs and takes a restart: the reload is refused as a whole rather than done by half. */
export function checkRestart(next: GatewayOptions, inForce: GatewayOptions): ConfigProblem[] {
  return differences([], inForce.value, next.value).map((path) => {
    const message = `${path.join('.')} takes effect at a restart only: restart the gateway, or put it back`;
    return next.problem(path, 'config_needs_restart', message);
  });
}

function differences(path: readonly string[], before: unknown, after: unknown): ConfigPath[] {
  const name = path.join('.');
  const isInBoth = before !== undefined && after !== undefined;
  if (isDeepStrictEqual(before, after) || takesEffectLive(name, isInBoth)) return [];
  if (!SPLIT.includes(name) || !isObject(before) || !isObject(after)) return [path];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) => differences([...path, key], before[key], after[key]));
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
