import type { Env } from '../kit/config-file.js';
import { runProcess } from '../kit/run-process.js';
import { banner } from './banner.js';
import { startEmbedded } from './compose.js';

/** The embedded default as a process: `npm start`. */
export function runEmbedded({ env, configDir }: { env: Env; configDir?: string }): Promise<void> {
  return runProcess(async () => {
    const embedded = await startEmbedded({ env, ...(configDir === undefined ? {} : { configDir }) });
    process.stdout.write(banner(embedded));
    return embedded;
  });
}
