import { Problem } from '../../contracts/problem.js';
import type { Issuer } from './issuer.js';

/** What is wrong with a token counts against the issuer that it names. Returns the error, to be thrown on. */
export function attributeTo({ name }: Issuer, error: unknown): unknown {
  if (error instanceof Problem) error.issuer ??= name;
  return error;
}
