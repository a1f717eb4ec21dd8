import { InvalidArgumentError } from 'commander';
import { parseDurationMs } from '../kit/units.js';

/** A duration as whole seconds, `0s` included. */
export function wholeSeconds(value: string): number {
  const ms = parseDurationMs(value);
  if (ms === undefined || ms % 1000 !== 0) throw new InvalidArgumentError('a duration such as 1h or 30d');
  return ms / 1000;
}
