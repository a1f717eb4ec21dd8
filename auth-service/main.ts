import type { Env } from '../kit/config-file.js';
import { runProcess } from '../kit/run-process.js';
import { startAuthService } from './compose.js';
import { loadAuthConfig } from './options.js';

/** The process `gatehouse auth-service --config …`: runs until SIGINT or SIGTERM. */
export function runAuthService({ configPath, env }: { configPath: string; env: Env }): Promise<void> {
  return runProcess(() => startAuthService(loadAuthConfig(configPath, env)));
}
