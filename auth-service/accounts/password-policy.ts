import { Problem } from '../../contracts/problem.js';
import type { IsCommonPassword } from './common-passwords.js';

/** In code points of the normalised password. */
export const MIN_PASSWORD_LENGTH = 12;
export const MAX_PASSWORD_LENGTH = 128;

/** The same password typed on another system is the same bytes (RFC 8265 section 4 recommends a normal form). */
export const normalisePassword = (password: string): string => password.normalize('NFKC');

/**
 * Whether somebody may have this as their new password: long enough, and not among the first guesses (NIST SP 800-63B
 * section 5.1.1.2). No rule asks for special characters. Throws Problem `password_too_short`, `password_too_long` or
 * `password_too_common`.
 */
export type CheckPassword = (password: string, owner: { email: string }) => void;

export function createCheckPassword(isCommon: IsCommonPassword): CheckPassword {
  return (password, { email }) => {
    const normal = normalisePassword(password);
    const length = [...normal].length;
    if (length < MIN_PASSWORD_LENGTH) throw new Problem('password_too_short');
    if (length > MAX_PASSWORD_LENGTH) throw new Problem('password_too_long');
    if (isCommon(normal, contextWords(email))) throw new Problem('password_too_common');
  };
}

/** What a guesser knows about this account: the product, and the parts of the address. */
function contextWords(email: string): string[] {
  return ['gatehouse', ...email.toLowerCase().split(/[^\p{L}]+/u)];
}
