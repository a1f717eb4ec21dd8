import { stringify } from 'yaml';
import { authApiDocument } from '../../auth-service/index.js';
import { GatewayConfigSchema } from '../../gateway/index.js';
import { buildInfo } from '../../kit/build-info.js';
import { authApiPage } from './auth-api-page.js';
import { configErrorsPage } from './config-errors-page.js';
import { configFileSchema } from './config-schema.js';
import { errorsPage } from './errors-page.js';

const GENERATED = '# Generated from auth-service/api-document/ by `npm run gen`. Do not edit by hand.\n';
const YAML = { lineWidth: 0, aliasDuplicateObjects: false };

/** Every committed file that is made from the source: path below the repository, and content as it should be. */
export function generatedFiles(): { path: string; content: string }[] {
  return [
    { path: 'docs/errors.md', content: errorsPage() },
    { path: 'docs/config-errors.md', content: configErrorsPage() },
    { path: 'docs/auth-api.md', content: authApiPage() },
    {
      path: 'docs/auth-api.openapi.yaml',
      content: GENERATED + stringify(authApiDocument(buildInfo().version), YAML),
    },
    {
      path: 'config/schema/gateway.schema.json',
      content: `${JSON.stringify(configFileSchema(GatewayConfigSchema), null, 2)}\n`,
    },
  ];
}
