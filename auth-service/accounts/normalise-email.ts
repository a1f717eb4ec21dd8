const MAX_EMAIL_LENGTH = 254; // RFC 5321 section 4.5.3.1.3, as corrected by erratum 1690

/**
 * The one spelling under which an address is stored and looked up: trimmed, lower-case. Undefined for a text that can
 * be no stored address; among them those with control characters, which PostgreSQL would refuse (U+0000).
 */
export function normaliseEmail(text: string): string | undefined {
  const email = text.trim().toLowerCase();
  if (email.length > MAX_EMAIL_LENGTH || !/^[^\s@\p{Cc}\p{Cs}]+@[^\s@\p{Cc}\p{Cs}]+$/u.test(email))
    return undefined;
  return email;
}
