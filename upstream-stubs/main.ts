import type { Env } from '../kit/config-file.js';
import { runProcess } from '../kit/run-process.js';
import { startUpstreamStubs } from './compose.js';
import { loadStubsConfig, type StubName } from './options.js';

/** The process entry: runs until SIGINT or SIGTERM. */
export function runUpstreamStubs(options: {
  configPath: string;
  env: Env;
  only?: readonly StubName[];
}): Promise<void> {
  const { configPath, env, only } = options;
  return runProcess(() =>
    startUpstreamStubs(loadStubsConfig(configPath, env), only === undefined ? {} : { only }),
  );
}
