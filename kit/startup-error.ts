/**
 * Something the operator has to put right before the process can start: a port in use, a locked folder, a wrong file.
 * The process entry prints `detail` (no stack) and exits with code 1.
 */
export class StartupError extends Error {
  override readonly name = 'StartupError';
  /** For a terminal. Default: the message. */
  readonly detail: string;

  constructor(message: string, { detail = message, cause }: { detail?: string; cause?: unknown } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.detail = detail;
  }
}
