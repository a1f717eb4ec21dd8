import { OWN_COOKIES } from '../../../contracts/auth-api.js';
import type { AuthScheme } from '../../../contracts/problem.js';
import type { CertificateSource, CredentialSources } from '../../pipeline/credential-sources.js';
import type { AuthProfileConfig, GatewayConfig } from '../schema.js';

const DEFAULT_API_KEY_HEADER = 'x-api-key';

type SourceConfig = NonNullable<AuthProfileConfig['credentials']>[number];

/** The sources that a profile lists, each under its kind. */
export function listedSources(profile: AuthProfileConfig): { kind: string; source: SourceConfig }[] {
  const sources: readonly SourceConfig[] = profile.credentials ?? ['bearer'];
  return sources.map((source) => ({
    kind: typeof source === 'string' ? source : (Object.keys(source)[0] ?? ''),
    source,
  }));
}

/** Made once a profile, so that what is kept by these objects lasts as long as the config. */
export function compileCredentials(
  profile: AuthProfileConfig,
  listen: GatewayConfig['listen'],
): CredentialSources {
  const sources = listedSources(profile);
  const has = (kind: string): boolean => sources.some((listed) => listed.kind === kind);
  const publicOrigins = new Set([listen.public_url ?? []].flat().map((url) => new URL(url).origin));
  return {
    bearer: has('bearer'),
    dpop: has('dpop') ? { publicOrigins } : undefined,
    cookies: cookieNames(profile),
    apiKeyHeader: apiKeyHeader(profile),
    websocket: has('websocket'),
    certificate: certificateSource(profile),
    schemes: schemesOf(sources.map(({ kind }) => kind)),
  };
}

/** RFC 9110 section 11.6.1: a 401 names a scheme. What has no scheme of its own is named by the one it comes nearest. */
function schemesOf(kinds: readonly string[]): readonly [AuthScheme, ...AuthScheme[]] {
  const schemes = kinds.flatMap((kind): AuthScheme[] => {
    if (kind === 'dpop') return ['DPoP'];
    return kind === 'bearer' || kind === 'api_key' ? ['Bearer'] : [];
  });
  const [first = 'Bearer', ...others] = new Set(schemes);
  return [first, ...others];
}

/** Where any profile takes credentials from: what a route does not forward, lest an upstream gets what opens others. */
export function withheldCredentials({ auth }: GatewayConfig): { headers: Set<string>; cookies: Set<string> } {
  const profiles = Object.values(auth);
  return {
    headers: new Set([
      'authorization',
      'dpop',
      ...profiles.flatMap((profile) => apiKeyHeader(profile) ?? []),
    ]),
    cookies: new Set([...OWN_COOKIES, ...profiles.flatMap(cookieNames)]),
  };
}

export function cookieNames(profile: AuthProfileConfig): string[] {
  return listedSources(profile).flatMap(({ source }) =>
    typeof source === 'object' && 'cookie' in source ? [source.cookie.name] : [],
  );
}

export function apiKeyHeader(profile: AuthProfileConfig): string | undefined {
  for (const { source } of listedSources(profile)) {
    if (source === 'api_key') return DEFAULT_API_KEY_HEADER;
    if (typeof source === 'object' && 'api_key' in source) return source.api_key.header.toLowerCase();
  }
  return undefined;
}

function certificateSource(profile: AuthProfileConfig): CertificateSource | undefined {
  for (const { source } of listedSources(profile)) {
    const given = typeof source === 'object' && 'certificate' in source ? source.certificate : undefined;
    if (source !== 'certificate' && given === undefined) continue;
    const { identity = 'spiffe_id', scopes = [], roles = [] } = given ?? {};
    return { identity, scopes, roles };
  }
  return undefined;
}
