import { listAt, mapAt, unusable } from './problem.js';
import type { SecuritySchemes } from './security-schemes.js';

/** As a route's `auth` is written. */
export type Auth = string | { profile: string; scopes: string[] } | { profile: string; any_scope: string[] };

export interface Access {
  auth: Auth;
  /** What the route says less, or more, than the document. */
  warnings: string[];
}

interface Alternative {
  /** As the document has it. */
  text: string;
  scopes: string[];
}

/** RFC 6749 section 3.3. `${` would be a variable of the environment in the config. */
const SCOPE = /^(?!.*\$\{)[\x21\x23-\x5b\x5d-\x7e]+$/;

/**
 * Who may, by the `security` that holds for an operation. Where a route cannot say the same, it says less: nobody gets in
 * whom the document would not let in. Undefined security is no permission.
 */
export function accessOf(
  security: unknown,
  schemes: SecuritySchemes,
  profile: string,
  where: string,
): Access {
  if (security === undefined) {
    const warning = `the document says nothing about security: any caller of ${profile} may; give it scopes, or \`auth: public\` where that is meant`;
    return { auth: profile, warnings: [warning] };
  }
  const warnings: string[] = [];
  const written = listAt(security, where).map((item, index) => mapAt(item, `${where}[${index}]`));
  const named = written.filter((item) => Object.keys(item).length > 0);
  if (named.length === 0)
    return { auth: 'public', warnings: ['PUBLIC: anybody may call it, as the document says'] };
  if (named.length < written.length)
    warnings.push('the document lets callers come without a credential too; the route asks for one');
  const alternatives = named.map((item) => alternativeOf(item, schemes, where, warnings));
  return { auth: authOf(alternatives, profile, warnings), warnings };
}

/** Schemes that have to be met together. */
function alternativeOf(
  requirement: Readonly<Record<string, unknown>>,
  schemes: SecuritySchemes,
  where: string,
  warnings: string[],
): Alternative {
  const scopes = new Set<string>();
  const names = Object.keys(requirement);
  for (const name of names) {
    const { hasScopes } = schemes.get(name, where);
    const listed = listAt(requirement[name], `${where}.${name}`).map(String);
    for (const scope of listed) {
      if (!SCOPE.test(scope)) throw unusable(`${where}.${name}`, `${JSON.stringify(scope)} is no scope`);
      scopes.add(scope);
    }
    if (!hasScopes && listed.length > 0)
      warnings.push(
        `${name} lists roles (${listed.join(', ')}), written as scopes: change them to roles if they are`,
      );
  }
  if (names.length > 1)
    warnings.push(
      `the document asks for ${names.join(' and ')} together; a gateway takes one credential a request`,
    );
  const lists = names.map((name) => `${name} [${listAt(requirement[name], where).map(String).join(', ')}]`);
  return { text: lists.join(' and '), scopes: [...scopes] };
}

function authOf(alternatives: readonly Alternative[], profile: string, warnings: string[]): Auth {
  const distinct = new Map(
    alternatives.map((alternative) => [JSON.stringify([...alternative.scopes].sort()), alternative]),
  );
  const [only, ...others] = [...distinct.values()];
  if (others.length > 0 && [...distinct.values()].every(({ scopes }) => scopes.length === 1))
    return { profile, any_scope: [...distinct.values()].flatMap(({ scopes }) => scopes) };
  const strictest = others.reduce((a, b) => (b.scopes.length > (a?.scopes.length ?? 0) ? b : a), only);
  const scopes = strictest?.scopes ?? [];
  if (others.length > 0) {
    const all = alternatives.map(({ text }) => text).join(' or ');
    warnings.push(`the document asks for ${all}; a route cannot say this, and asks for ${scopes.join(' ')}`);
  }
  return scopes.length === 0 ? profile : { profile, scopes };
}
