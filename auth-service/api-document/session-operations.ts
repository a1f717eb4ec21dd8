import { Type } from 'typebox';
import type { ProblemCode } from '../../contracts/problem-codes.js';
import {
  LoginBody,
  PasswordChangeBody,
  PasswordResetBody,
  RefreshTokenBody,
  RegisterBody,
} from '../http/schemas.js';
import { endings, SessionListAnswer, TokenAnswer } from './answers.js';
import { type Operation, TOKEN_REFUSALS } from './operation.js';

const PROOF = ['dpop_invalid', 'dpop_replayed', 'overloaded'] as const;
const OWN_TOKEN = ['credentials_missing', ...TOKEN_REFUSALS] as const;
/** Of a token that has to be good now, and that the gateway has looked at before. */
const GOOD_TOKEN: readonly ProblemCode[] = [
  ...OWN_TOKEN,
  'token_expired',
  'token_revoked',
  'token_binding',
  'account_disabled',
  ...PROOF,
];
const NEW_PASSWORD = ['password_too_short', 'password_too_long', 'password_too_common'] as const;
const BEGIN = ['client_invalid', 'origin_not_allowed', 'account_disabled', ...PROOF] as const;

const begun = { description: 'A session has begun.', schema: TokenAnswer };
const changed = endings({ changed: Type.Literal(true) });

/** People's sessions and accounts (public listener). */
export const SESSION_OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/auth/login',
    tag: 'Sessions',
    summary: 'Begins a session.',
    description:
      'A server-side application adds its client credentials, in the body or as HTTP Basic: the session is then its own. With a DPoP proof (RFC 9449) the session is bound to that key.',
    credentials: [],
    body: LoginBody,
    example: { email: 'demo@gatehouse.test', password: 'demo-password-please-change' },
    answers: { 200: begun },
    problems: [...BEGIN, 'invalid_credentials', 'too_many_attempts'],
  },
  {
    method: 'post',
    path: '/auth/register',
    tag: 'Sessions',
    summary: 'Makes an account and begins a session.',
    description: 'Only where `accounts.registration` is enabled; elsewhere 404 `route_not_found`.',
    credentials: [],
    body: RegisterBody,
    example: { email: 'bob@example.test', password: 'copper-lantern-93-meadow' },
    answers: { 201: begun },
    problems: [
      ...BEGIN,
      ...NEW_PASSWORD,
      'email_invalid',
      'email_taken',
      'too_many_attempts',
      'route_not_found',
    ],
  },
  {
    method: 'post',
    path: '/auth/refresh',
    tag: 'Sessions',
    summary: 'Exchanges a refresh token for the next one and an access token.',
    description:
      'A lost race or a lost answer ends no session: the same token gets the same successor for a while. Only `refresh_token_invalid`, `refresh_token_reused`, `session_expired`, `session_revoked` and `account_disabled` are the end of it.',
    credentials: ['refreshToken', 'refreshCookie'],
    body: RefreshTokenBody,
    isBodyOptional: true,
    example: { refresh_token: '$REFRESH_TOKEN' },
    answers: { 200: { description: 'The session goes on.', schema: TokenAnswer } },
    problems: [
      'refresh_token_missing',
      'refresh_token_invalid',
      'refresh_token_reused',
      'session_expired',
      'session_revoked',
      'account_disabled',
      'origin_not_allowed',
      'rate_limited',
      ...PROOF,
    ],
  },
  {
    method: 'get',
    path: '/auth/sessions',
    tag: 'Accounts',
    summary: 'The live sessions of the account that asks, the one used last first.',
    credentials: ['accessToken'],
    answers: { 200: { description: 'The sessions.', schema: SessionListAnswer } },
    problems: GOOD_TOKEN,
  },
  {
    method: 'delete',
    path: '/auth/sessions/:id',
    tag: 'Accounts',
    summary: 'Ends one of the account’s sessions.',
    credentials: ['accessToken'],
    answers: endings(),
    problems: [...GOOD_TOKEN, 'not_found'],
  },
  {
    method: 'post',
    path: '/auth/password',
    tag: 'Accounts',
    summary: 'Changes the password and ends the account’s other sessions.',
    credentials: ['accessToken'],
    body: PasswordChangeBody,
    example: {
      current_password: 'demo-password-please-change',
      new_password: 'copper-lantern-93-meadow',
    },
    answers: changed,
    problems: [...GOOD_TOKEN, ...NEW_PASSWORD, 'password_wrong', 'too_many_attempts', 'conflict'],
  },
  {
    method: 'post',
    path: '/auth/password/reset',
    tag: 'Accounts',
    summary: 'Sets a password by the token of a one-time link, and ends all sessions of the account.',
    credentials: [],
    body: PasswordResetBody,
    example: { token: '$RESET_TOKEN', new_password: 'walnut-kettle-47-orbit' },
    answers: changed,
    problems: [...NEW_PASSWORD, 'reset_token_invalid', 'overloaded'],
  },
  {
    method: 'post',
    path: '/auth/logout',
    tag: 'Sessions',
    summary: 'Ends the session that asks.',
    description: 'An access token that has expired will do.',
    credentials: ['accessToken', 'refreshToken', 'refreshCookie'],
    body: RefreshTokenBody,
    isBodyOptional: true,
    answers: endings(),
    problems: [...OWN_TOKEN, 'refresh_token_invalid', 'origin_not_allowed'],
  },
  {
    method: 'post',
    path: '/auth/logout-all',
    tag: 'Sessions',
    summary: 'Ends all sessions of the account, on all devices.',
    credentials: ['accessToken', 'refreshToken', 'refreshCookie'],
    body: RefreshTokenBody,
    isBodyOptional: true,
    answers: endings(),
    problems: [...OWN_TOKEN, 'refresh_token_invalid', 'session_revoked', 'origin_not_allowed'],
  },
];
