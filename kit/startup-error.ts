/**
 * Something the operator has to put right before the process can start: a port in use, a locked folder, a wrong file.
 * The process entry prints `message` as one line (no stack) and exits with code 1.
 */
export class StartupError extends Error {
  override readonly name = 'StartupError';
}
