import { OWN_COOKIES } from '../../../contracts/auth-api.js';
import type { ConfigCode } from '../../../contracts/config-problems.js';
import type { ConfigFile, ConfigPath, ConfigProblem } from '../../../kit/config-file.js';
import type { AuthProfileConfig, GatewayConfig } from '../schema.js';
import { checkName } from './check-name.js';
import { checkOrigins } from './check-origins.js';
import { apiKeyHeader, cookieNames, listedSources } from './credentials.js';
import { isTakenHeader } from './taken-headers.js';

type Config = ConfigFile<GatewayConfig>;

export function checkProfiles(config: Config): ConfigProblem[] {
  return Object.entries(config.value.auth).flatMap(([name, profile]) => {
    const at: ConfigPath = ['auth', name];
    return [
      ...(name === 'public'
        ? [config.problem(at, 'config_profile_name', '"public" is not a profile: choose another name')]
        : []),
      ...(profile.issuers ?? []).flatMap((issuer, index) =>
        checkName(config, [...at, 'issuers', index], issuer, config.value.issuers, 'issuer'),
      ),
      ...checkSources(config, at, profile),
      ...checkOrigins(config, [...at, 'origins'], profile.origins ?? []),
    ];
  });
}

/** What a source needs from the rest of the config, so that it cannot be listed and then never work, or not safely. */
function checkSources(config: Config, at: ConfigPath, profile: AuthProfileConfig): ConfigProblem[] {
  const { issuers, listen } = config.value;
  const problems: ConfigProblem[] = [];
  const problem = (key: string, code: ConfigCode, message: string): void => {
    problems.push(config.problem([...at, key], code, message));
  };
  const kinds = listedSources(profile).map(({ kind }) => kind);
  const named = (profile.issuers ?? []).filter((name) => Object.hasOwn(issuers, name));

  if ((profile.issuers ?? []).length === 0 && kinds.some((kind) => kind !== 'certificate'))
    problem('issuers', 'config_profile_issuers', 'tokens need an issuer: name one under issuers');
  if (kinds.includes('api_key') && !named.some((name) => issuers[name]?.own === true)) {
    const message = 'API keys become tokens of our own auth service: list the issuer that has own: true';
    problem('issuers', 'config_profile_issuers', message);
  }
  for (const kind of new Set(kinds)) {
    if (kind !== 'cookie' && kinds.filter((other) => other === kind).length > 1)
      problem('credentials', 'config_credential_duplicate', `${kind} is listed twice: keep one`);
  }
  if (kinds.includes('cookie') && (profile.origins ?? []).length === 0) {
    const message = 'a cookie is sent from any page: list the pages that may use it under origins';
    problem('credentials', 'config_cookie_origins', message);
  }
  const ownCookie = cookieNames(profile).find((name) => OWN_COOKIES.includes(name));
  if (ownCookie !== undefined) {
    const message = `${ownCookie} is the auth service\u2019s own: an access token needs another cookie`;
    problem('credentials', 'config_cookie_name', message);
  }
  if (kinds.includes('dpop') && listen.public_url === undefined) {
    const message =
      'a DPoP proof names the URL that the client called: set listen.public_url to how clients reach the gateway';
    problem('credentials', 'config_dpop_public_url', message);
  }
  if (kinds.includes('certificate') && listen.tls?.client_ca === undefined) {
    const message = 'nobody is asked for a certificate: set listen.tls.client_ca';
    problem('credentials', 'config_certificate_ca', message);
  }
  const header = apiKeyHeader(profile);
  if (header !== undefined && isTakenHeader(header)) {
    problem('credentials', 'config_header_name', `${header} has a meaning of its own: choose another header`);
  }
  return problems;
}
