import type { Env } from '../kit/config-file.js';
import { runProcess } from '../kit/run-process.js';
import { startGateway } from './compose.js';
import { loadGatewayConfig } from './options.js';

/** The gateway as a process of its own: `gatehouse gateway --config FILE`. */
export function runGateway({ configPath, env }: { configPath: string; env: Env }): Promise<void> {
  return runProcess(() => startGateway(loadGatewayConfig(configPath, env)));
}
