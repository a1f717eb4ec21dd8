import { closest } from '../../kit/closest.js';
import { followRefs } from './follow-refs.js';
import { mapAt, member, type Node, unusable } from './problem.js';

export interface Scheme {
  name: string;
  /** Its lists are scopes. Elsewhere OpenAPI 3.1 has names of roles there. */
  hasScopes: boolean;
  /** What the auth profile has to be given for it, or what callers must do in its place. */
  note: string | undefined;
}

/** `components.securitySchemes`; remembers which of them were used. */
export class SecuritySchemes {
  readonly used = new Map<string, Scheme>();
  readonly #root: Node;
  readonly #profile: string;
  readonly #all: Node;

  constructor(root: Node, profile: string) {
    this.#root = root;
    this.#profile = profile;
    const components = mapAt(member(root, 'components'), 'components');
    this.#all = mapAt(member(components, 'securitySchemes'), 'components.securitySchemes');
  }

  get(name: string, where: string): Scheme {
    const known = this.used.get(name);
    if (known !== undefined) return known;
    const written = member(this.#all, name);
    if (written === undefined) {
      const guess = closest(name, Object.keys(this.#all));
      const remedy = guess === undefined ? '' : `: did you mean ${JSON.stringify(guess)}?`;
      throw unusable(where, `components.securitySchemes has no ${JSON.stringify(name)}${remedy}`);
    }
    const scheme = this.#describe(
      name,
      followRefs(this.#root, written, `components.securitySchemes.${name}`),
    );
    this.used.set(name, scheme);
    return scheme;
  }

  #describe(name: string, scheme: Node): Scheme {
    const type = String(member(scheme, 'type'));
    const hasScopes = type === 'oauth2' || type === 'openIdConnect';
    const isToken =
      hasScopes || (type === 'http' && /^(bearer|dpop)$/i.test(String(member(scheme, 'scheme'))));
    return { name, hasScopes, note: isToken ? undefined : this.#note(type, scheme) };
  }

  #note(type: string, scheme: Node): string {
    const needs = (source: string): string =>
      `the profile ${this.#profile} has to take it: credentials: [bearer, ${source}]`;
    const instead = 'callers need an access token instead';
    const name = String(member(scheme, 'name'));
    if (type === 'mutualTLS') return needs('certificate');
    if (type === 'http')
      return `HTTP ${JSON.stringify(member(scheme, 'scheme'))} is not taken by gateways: ${instead}`;
    if (type !== 'apiKey') return `the type ${JSON.stringify(type)} is not known here: ${instead}`;
    switch (member(scheme, 'in')) {
      case 'header':
        return `${needs(`{ api_key: { header: ${name} } }`)}; the keys are those of the auth service`;
      case 'cookie':
        return `${needs(`{ cookie: { name: ${name} } }`)}; what is in it has to be an access token`;
      default:
        return `an API key in the URL ends up in logs and is not taken: callers send it in a header (${needs('api_key')})`;
    }
  }
}
