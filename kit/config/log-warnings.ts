import type { Logger } from '../logger.js';
import type { ConfigProblem } from './config-problem.js';

/** One line each; without the frame, which is for people at a terminal. */
export function logWarnings(logger: Logger, warnings: readonly ConfigProblem[]): void {
  for (const { file, line, column, code, message } of warnings)
    logger.warn({ at: `${file}:${line}:${column}`, code }, `config: ${message}`);
}
