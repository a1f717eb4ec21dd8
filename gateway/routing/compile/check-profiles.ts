import type { ConfigFile, ConfigProblem } from '../../../kit/config-file.js';
import type { GatewayConfig } from '../schema.js';
import { checkName } from './check-name.js';

export function checkProfiles(config: ConfigFile<GatewayConfig>): ConfigProblem[] {
  return Object.entries(config.value.auth).flatMap(([name, profile]) => [
    ...(name === 'public'
      ? [
          config.problem(
            ['auth', name],
            'config_profile_name',
            '"public" is not a profile: choose another name',
          ),
        ]
      : []),
    ...profile.issuers.flatMap((issuer, index) =>
      checkName(config, ['auth', name, 'issuers', index], issuer, config.value.issuers, 'issuer'),
    ),
  ]);
}
