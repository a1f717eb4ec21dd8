import { GatewayConfigSchema } from '../../gateway/index.js';
import { configErrorsPage } from './config-errors-page.js';
import { configFileSchema } from './config-schema.js';
import { errorsPage } from './errors-page.js';

/** Every committed file that is made from the source: path below the repository, and content as it should be. */
export function generatedFiles(): { path: string; content: string }[] {
  return [
    { path: 'docs/errors.md', content: errorsPage() },
    { path: 'docs/config-errors.md', content: configErrorsPage() },
    {
      path: 'config/schema/gateway.schema.json',
      content: `${JSON.stringify(configFileSchema(GatewayConfigSchema), null, 2)}\n`,
    },
  ];
}
