import type { ConfigFile, ConfigPath, ConfigProblem } from '../../../kit/config-file.js';
import type { GatewayConfig } from '../schema.js';

/** Origins are compared as text, so they have to be written the way browsers write them (RFC 6454 section 6.2). */
export function checkOrigins(
  config: ConfigFile<GatewayConfig>,
  at: ConfigPath,
  origins: readonly string[],
): ConfigProblem[] {
  return origins.flatMap((origin, index) => {
    const parsed = URL.canParse(origin) ? new URL(origin) : undefined;
    const isWeb = parsed?.protocol === 'https:' || parsed?.protocol === 'http:';
    const isPattern = origin.includes('*');
    if (isWeb && parsed.origin === origin && !isPattern) return [];
    const remedy =
      isWeb && !isPattern ? `write "${parsed.origin}"` : 'write scheme and host, as https://app.example.com';
    return [config.problem([...at, index], 'config_origin', `"${origin}" is no origin: ${remedy}`)];
  });
}

/** `listen.public_url`: an origin too, but as people write it. */
export function checkPublicUrls(config: ConfigFile<GatewayConfig>): ConfigProblem[] {
  return [config.value.listen.public_url ?? []].flat().flatMap((url) => {
    const parsed = URL.canParse(url) ? new URL(url) : undefined;
    const isOrigin =
      (parsed?.protocol === 'https:' || parsed?.protocol === 'http:') && parsed.href === `${parsed.origin}/`;
    if (isOrigin) return [];
    const message = `"${url}" has to be scheme, host and port and nothing else, as https://api.example.com`;
    return [config.problem(['listen', 'public_url'], 'config_public_url', message)];
  });
}
