/** Where the refresh token is kept outside a browser: a file, a keychain, a database row. One store, one session. */
export interface TokenStore {
  get(): string | undefined | Promise<string | undefined>;
  /** Undefined: gone. Has to be kept for good when this resolves. */
  set(refreshToken: string | undefined): void | Promise<void>;
}

/** For scripts and tests: ends with the process. */
export function memoryStore(refreshToken?: string): TokenStore {
  let held = refreshToken;
  return {
    get: () => held,
    set: (next) => {
      held = next;
    },
  };
}
