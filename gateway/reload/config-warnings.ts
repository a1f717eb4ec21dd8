import { type ConfigProblem, firstOfEachPlace } from '../../kit/config-file.js';
import { checkCertificates } from '../check-certificates.js';
import type { GatewayConfigFile } from '../options.js';

/**
 * What is wrong with a config and yet keeps no gateway from serving, as `gatehouse check` tells it: secrets that others
 * can read, certificates that end soon or have ended. `now` in unix milliseconds.
 */
export function configWarnings(options: GatewayConfigFile, now: number): ConfigProblem[] {
  return firstOfEachPlace([...options.warnings, ...checkCertificates(options, now)]);
}
