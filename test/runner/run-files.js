import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Parser } from 'tap-parser';
import { readReport } from './read-report.js';

const MAX_JOBS = 4;
/** tap ends a test that takes too long itself, and says what was open: after this, it could not. */
const OF_TIMEOUT = 1.2;

/**
 * Runs these programs, which print TAP, each in a process of its own and several at a time, in their order. Calls
 * `onDone` with name, counts and duration of each as soon as it is through.
 */
export async function runFiles(programs, { cwd, timeoutSeconds, onDone }) {
  const waiting = [...programs];
  // One more than there are cores: most tests also wait, for processes and for time limits.
  const jobs = Math.min(availableParallelism() + 1, MAX_JOBS);
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const startedAt = performance.now();
      const counts = await runFile(next, cwd, timeoutSeconds);
      onDone(next.name, counts, performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
}

async function runFile({ name, program }, cwd, timeoutSeconds) {
  const child = spawn(process.execPath, ['--enable-source-maps', program], {
    cwd,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TAP: '1', TAP_TIMEOUT: String(timeoutSeconds) },
  });
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  const limit = setTimeout(end, timeoutSeconds * 1000 * OF_TIMEOUT);
  const parser = new Parser();
  const conclude = readReport(parser, name);
  child.stdout.pipe(parser);
  const [exitCode, signal] = await once(child, 'close');
  clearTimeout(limit);
  process.off('exit', end);
  return conclude({ exitCode, signal });
}
