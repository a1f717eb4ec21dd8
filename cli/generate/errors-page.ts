import {
  PROBLEMS,
  type ProblemCode,
  type ProblemSpec,
  problemBody,
  problemSpec,
} from '../../contracts/problem-codes.js';

/** `docs/errors.md`, from the table of problem codes. */
export function errorsPage(): string {
  const codes = Object.keys(PROBLEMS) as ProblemCode[];
  const rows = codes.map((code) => row(code, problemSpec(code)));
  return `<!-- Generated from contracts/problem-codes.ts by \`npm run gen\`. Do not edit by hand. -->

# Errors

Every refusal is \`application/problem+json\` (RFC 9457). Branch on \`code\`: it is stable, and this is the whole list.
Quote \`request_id\` when you report a problem; it is in the \`X-Request-Id\` header too, and in our log.

\`\`\`json
${JSON.stringify(problemBody('token_expired', '0f8d6a52-7d0b-4b8e-9f0c-3a0c4f1f7d11'), null, 2)}
\`\`\`

What to do, by status:

- **401** with \`credentials_missing\`: send \`Authorization: Bearer …\`. With a code that starts with \`token_\`: refresh
  once and repeat the request. With a code that starts with \`refresh_token_\` or \`session_\`: log in again.
- **403**: the token is good, and the caller may not do this. A new token will not help, unless it has more scopes.
- **429** and **503**: try again after \`Retry-After\` seconds. A 503 says nothing about the token: keep it.
- **502** and **504**: the service behind the gateway is in trouble. Repeat the request only if it is safe to repeat.

\`WWW-Authenticate\` follows RFC 6750: \`Bearer\` alone when no credential came, otherwise with an \`error\`, which is less
precise than \`code\`. Where a route takes DPoP proofs (RFC 9449), \`DPoP\` stands beside it or in its place.

| code | status | meaning | \`WWW-Authenticate\` | \`Retry-After\` |
|---|---|---|---|---|
${rows.join('\n')}
`;
}

function row(code: ProblemCode, { status, detail, challenge, retryAfterS }: ProblemSpec): string {
  const header = challenge === undefined ? '' : `\`${challengeText(challenge)}\``;
  return `| \`${code}\` | ${status} | ${detail} | ${header} | ${retryAfterS ?? ''} |`;
}

function challengeText(challenge: NonNullable<ProblemSpec['challenge']>): string {
  if (challenge === 'bare') return 'Bearer';
  return challenge === 'invalid_dpop_proof' ? `DPoP error="${challenge}"` : `Bearer error="${challenge}"`;
}
