import type { Env } from '../kit/config-file.js';
import { runProcess } from '../kit/run-process.js';
import { banner } from './banner.js';
import { type Embedded, startEmbedded } from './compose.js';

/**
 * The embedded default as a process: `npm start`. SIGHUP makes the gateway read its config again; where it runs in a
 * terminal it means that the terminal has gone, and everything stops.
 */
export function runEmbedded({ env, configDir }: { env: Env; configDir?: string }): Promise<void> {
  let embedded: Embedded | undefined;
  process.on('SIGHUP', () => {
    if (process.stdin.isTTY) process.kill(process.pid, 'SIGTERM');
    else void embedded?.reload();
  });
  return runProcess(async () => {
    embedded = await startEmbedded({ env, ...(configDir === undefined ? {} : { configDir }) });
    process.stdout.write(banner(embedded));
    return embedded;
  });
}
