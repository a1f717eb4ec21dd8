#!/usr/bin/env node
import { StartupError } from '../kit/startup-error.js';
import { createProgram } from './program.js';

try {
  await createProgram().parseAsync();
} catch (error) {
  if (!(error instanceof StartupError)) throw error;
  process.stderr.write(`gatehouse: ${error.detail}\n`);
  process.exitCode = 1;
}
