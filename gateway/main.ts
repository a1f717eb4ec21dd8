import type { Env } from '../kit/config-file.js';
import { runProcess } from '../kit/run-process.js';
import { startGateway } from './compose.js';
import type { Gateway } from './gateway.js';
import { loadGatewayConfig } from './options.js';

/** The gateway as a process of its own: `gatehouse gateway --config FILE`. SIGHUP makes it read its config again. */
export function runGateway({ configPath, env }: { configPath: string; env: Env }): Promise<void> {
  let gateway: Gateway | undefined;
  let isAskedFor = false;
  process.on('SIGHUP', () => {
    if (gateway === undefined) isAskedFor = true;
    else void gateway.reload('signal');
  });
  return runProcess(async () => {
    gateway = await startGateway(loadGatewayConfig(configPath, env));
    if (isAskedFor) void gateway.reload('signal');
    return gateway;
  });
}
