/** RFC 6749 section 5.2, RFC 8707 section 2, RFC 9449 section 5, RFC 6750; the last two are for our own state. */
export const OAUTH_ERRORS = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  invalid_scope: 400,
  invalid_target: 400,
  invalid_dpop_proof: 400,
  temporarily_unavailable: 503,
  server_error: 500,
} as const;

export type OAuthErrorCode = keyof typeof OAUTH_ERRORS;

/** What an OAuth endpoint answers in place of a problem: RFC 6749 JSON. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';
  readonly code: OAuthErrorCode;
  readonly status: number;
  readonly retryAfter: string | undefined;

  /** `description` is fixed text: nothing of the request, and no `"` or `\`. */
  constructor(
    code: OAuthErrorCode,
    description: string,
    options: { status?: number; retryAfter?: string | undefined; cause?: unknown } = {},
  ) {
    super(description, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status ?? OAUTH_ERRORS[code];
    this.retryAfter = options.retryAfter;
  }
}
