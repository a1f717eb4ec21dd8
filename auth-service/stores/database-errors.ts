/**
 * SQLSTATE classes that mean "not now" rather than "wrong": connection (08), resources (53), operator intervention
 * (57: shutdown, cancelled statement), system (58), and transactions to be tried again (40).
 */
const TRANSIENT_CLASSES = new Set(['08', '40', '53', '57', '58']);
/** Lock not available; read-only transaction: a primary that was demoted in a failover. */
const TRANSIENT_STATES = new Set(['55P03', '25006']);
const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT', // Unix socket
]);
/** pg reports a lost connection and its own timeouts without a code. */
const CODELESS =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client (has encountered a connection error|was closed)|Cannot use a pool after|driver has already been destroyed)/;

/** Whether an error of pg says that the database cannot be used at the moment. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  if (error instanceof AggregateError) return error.errors.some(isDatabaseUnavailable); // one per address
  if (typeof code !== 'string') return CODELESS.test(error.message);
  if (NETWORK_CODES.has(code)) return true;
  return code.length === 5 && (TRANSIENT_CLASSES.has(code.slice(0, 2)) || TRANSIENT_STATES.has(code));
}

/** One line for the operator; never the connection string. */
export function databaseErrorText(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  const { code } = error as { code?: unknown };
  const text = error instanceof AggregateError && error.message === '' ? 'no address answers' : error.message;
  return typeof code === 'string' && !text.includes(code) ? `${text} (${code})` : text;
}
