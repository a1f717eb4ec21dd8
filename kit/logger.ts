import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino';

export type { Logger } from 'pino';

/** Members that are cut out wherever they stand in a logged object, up to two levels down. */
const SECRET_MEMBERS = [
  'authorization',
  'cookie',
  'set-cookie',
  'password',
  'token',
  'access_token',
  'refresh_token',
  'id_token',
  'client_secret',
  'secret',
  'dpop',
  'proxy-authorization',
  'x-api-key',
  // The proxy of WebSockets notes where it goes, with path and query.
  'url',
  'target',
];

export interface LoggerOptions {
  /** Default `info`. */
  level?: string;
  /** Which of several processes, in each line; default: absent. */
  worker?: number | 'primary';
  /** Where lines go; default standard output. */
  destination?: DestinationStream;
}

/**
 * The service's logger: JSON lines, control characters escaped by JSON, secrets cut out. Requests are logged by the
 * serializers' short forms only: never headers, never a query string.
 */
export function createLogger(
  name: string,
  { level = 'info', worker, destination }: LoggerOptions = {},
): Logger {
  const options = {
    name,
    level,
    base: worker === undefined ? { name } : { name, worker },
    redact: {
      paths: SECRET_MEMBERS.flatMap((member) => [`["${member}"]`, `*["${member}"]`, `*.*["${member}"]`]),
      remove: true,
    },
    serializers: { err: serializeError },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** An error's type, code, message and stack with its causes; other members may hold request data and stay out. */
export function serializeError(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error };
  const { type, message, stack } = stdSerializers.err(error);
  const { code } = error as { code?: unknown };
  return { type, message, stack, ...(typeof code === 'string' ? { code } : {}) };
}
