import type { RouteConfig } from '../schema.js';

/** The name under `auth` that a protected route refers to. */
export const profileName = (auth: RouteConfig['auth']): string =>
  typeof auth === 'string' ? auth : auth.profile;

/** RFC 9110 section 9.3.2: where GET is served, HEAD is. */
export const withHead = (methods: readonly string[]): readonly string[] =>
  methods.includes('GET') && !methods.includes('HEAD') ? [...methods, 'HEAD'] : methods;
