import cluster from 'node:cluster';
import type { Env } from '../kit/config-file.js';
import { createLogger } from '../kit/logger.js';
import { runProcess } from '../kit/run-process.js';
import { type PrimaryGateway, startPrimary, WORKER_VARIABLE } from './cluster/primary.js';
import { runWorker } from './cluster/worker.js';
import { startGateway } from './compose.js';
import type { Gateway } from './gateway.js';
import { type GatewayOptions, loadGatewayConfig } from './options.js';
import { workerCount } from './routing/schema/workers.js';

interface RunOptions {
  configPath: string;
  env: Env;
}

/**
 * The gateway as a process of its own, or as several: `gatehouse gateway --config FILE`. SIGHUP makes it read its config
 * again, SIGUSR2 restarts the workers one after the other.
 */
export async function runGateway(options: RunOptions): Promise<void> {
  const isWorker = cluster.isWorker && process.env[WORKER_VARIABLE] !== undefined;
  if (isWorker) runWorker(options);
  else await runWhole(options);
}

function runWhole({ configPath, env }: RunOptions): Promise<void> {
  let gateway: Gateway | PrimaryGateway | undefined;
  let isAskedFor = false;
  process.on('SIGHUP', () => {
    if (gateway === undefined) isAskedFor = true;
    else void gateway.reload('signal');
  });
  process.on('SIGUSR2', () => {
    if (gateway === undefined) return;
    if ('restart' in gateway) void gateway.restart();
    else
      createLogger('gateway').warn('SIGUSR2 restarts workers, and there are none: this is the one process');
  });
  return runProcess(async () => {
    gateway = await start(loadGatewayConfig(configPath, env));
    if (isAskedFor) void gateway.reload('signal');
    return gateway;
  });
}

function start(options: GatewayOptions): Promise<Gateway | PrimaryGateway> {
  const workers = workerCount(options.value.workers);
  return workers === 1 ? startGateway(options) : startPrimary(options, workers);
}
