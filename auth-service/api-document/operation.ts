import type { TObject, TSchema } from 'typebox';
import type { ProblemCode } from '../../contracts/problem-codes.js';
import type { OAuthErrorCode } from '../oauth/oauth-error.js';

/** Ways to show who asks; each is a security scheme of the document (document.ts). */
export type Credential =
  | 'accessToken'
  | 'refreshToken'
  | 'refreshCookie'
  | 'clientSecret'
  | 'clientAssertion'
  | 'clientCertificate'
  | 'gatewayCertificate'
  | 'operatorCertificate';

export const TAGS = {
  Sessions: 'People log in, refresh and log out.',
  Accounts: 'What people do to their own account.',
  OAuth: 'For services and server-side applications (RFC 6749, RFC 7009, RFC 7662).',
  Discovery: 'Public keys and metadata.',
  Gateways: 'For gateways, on the internal listener.',
  Administration:
    'For operators, on the internal listener. The commands of `gatehouse` are the usual way to call it.',
} as const;

export interface Answer {
  description: string;
  /** Left out: no body. */
  schema?: TSchema;
  /** Default: application/json. */
  mediaType?: string;
}

/** One route of the auth service, as others see it. */
export interface Operation {
  method: 'get' | 'post' | 'put' | 'delete';
  /** As the route is registered, `:name` for a parameter. */
  path: string;
  tag: keyof typeof TAGS;
  summary: string;
  description?: string;
  /** Any of them will do; empty: none is needed. */
  credentials: readonly Credential[];
  query?: TObject;
  body?: TSchema;
  /** Default: JSON. */
  bodyType?: 'form';
  /** The body may be left out. */
  isBodyOptional?: boolean;
  /** A body to try it with. */
  example?: Readonly<Record<string, string>>;
  answers: Readonly<Record<number, Answer>>;
  /** Besides those that any request may meet. */
  problems?: readonly ProblemCode[];
  /** In their place, in the form of RFC 6749. */
  oauthErrors?: readonly OAuthErrorCode[];
}

/** Any request may meet these. */
export const COMMON_PROBLEMS: readonly ProblemCode[] = [
  'request_invalid',
  'store_unavailable',
  'internal_error',
];

/** And any with a JSON body these. */
export const BODY_PROBLEMS: readonly ProblemCode[] = [
  'json_invalid',
  'body_too_large',
  'media_type_unsupported',
];

/** Of a token that is not one of this service's, or not whole, whether or not it is still in force. */
export const TOKEN_REFUSALS = [
  'token_malformed',
  'token_alg',
  'token_kid',
  'token_type',
  'token_signature',
  'token_claims',
] as const;
