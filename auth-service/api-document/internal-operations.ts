import { Type } from 'typebox';
import { INTERNAL } from '../../contracts/well-known.js';
import { UserQuery } from '../http/admin/user-routes.js';
import { ApiKeyExchangeBody } from '../http/api-key-exchange-route.js';
import { AccessBody, NewAccountBody } from '../http/schemas.js';
import { ResetLinkAnswer, UserAnswer, UserListAnswer } from './admin-answers.js';
import { ApiKeyExchangeAnswer, answer, endings, RevocationMessageSchema } from './answers.js';
import { KEY_OPERATIONS, MACHINE_OPERATIONS } from './machine-operations.js';
import type { Operation } from './operation.js';

const gateway = { tag: 'Gateways', credentials: ['gatewayCertificate'] } as const;
const operator = { tag: 'Administration', credentials: ['operatorCertificate'] } as const;
const admin = (path: string): string => INTERNAL.adminPrefix + path;

const user = { 200: { description: 'The account.', schema: answer({ user: UserAnswer }) } };
export const GATEWAY_OPERATIONS: readonly Operation[] = [
  {
    ...gateway,
    method: 'get',
    path: INTERNAL.revocations,
    summary: 'The revocation feed.',
    description:
      'JSON, one message a line: the whole list in batches, then `synced`, then entries as they commit, and a `ping` each second. It ends when the service stops or loses its database.',
    answers: {
      200: {
        description: 'The feed; the schema is that of one line.',
        schema: RevocationMessageSchema,
        mediaType: 'application/x-ndjson',
      },
    },
    problems: ['peer_not_allowed'],
  },
  {
    ...gateway,
    method: 'post',
    path: INTERNAL.apiKeyExchange,
    summary: 'Exchanges an API key for an access token of ten minutes, whose `sid` is the key’s id.',
    body: ApiKeyExchangeBody,
    answers: { 200: { description: 'A token.', schema: ApiKeyExchangeAnswer } },
    problems: ['peer_not_allowed', 'not_found'],
  },
  {
    ...gateway,
    method: 'get',
    path: '/internal/health',
    summary: 'Whether the service has its database.',
    answers: { 200: { description: 'It has.', schema: answer({ status: Type.Literal('ok') }) } },
    problems: ['peer_not_allowed'],
  },
];

const USERS: readonly Operation[] = [
  {
    ...operator,
    method: 'post',
    path: admin('/users'),
    summary: 'Makes an account; without `password` the answer holds a one-time link.',
    body: NewAccountBody,
    answers: {
      201: {
        description: 'Made.',
        schema: answer({ user: UserAnswer, reset: Type.Optional(ResetLinkAnswer) }),
      },
    },
    problems: [
      'email_invalid',
      'email_taken',
      'password_too_short',
      'password_too_long',
      'password_too_common',
    ],
  },
  {
    ...operator,
    method: 'get',
    path: admin('/users'),
    summary: 'Accounts in order of addresses, 200 at a time.',
    query: UserQuery,
    answers: { 200: { description: '`next` is the `after` of the next page.', schema: UserListAnswer } },
  },
  {
    ...operator,
    method: 'get',
    path: admin('/users/:user'),
    summary: 'An account, by id or e-mail address.',
    answers: user,
    problems: ['not_found'],
  },
  {
    ...operator,
    method: 'post',
    path: admin('/users/:user/disable'),
    summary: 'Disables an account and ends all of its sessions.',
    answers: endings(),
    problems: ['not_found'],
  },
  {
    ...operator,
    method: 'post',
    path: admin('/users/:user/enable'),
    summary: 'Enables it again.',
    answers: user,
    problems: ['not_found'],
  },
  {
    ...operator,
    method: 'put',
    path: admin('/users/:user/access'),
    summary: 'Sets roles, scopes or both; tokens from before are refused, and clients refresh.',
    body: AccessBody,
    answers: endings(),
    problems: ['not_found'],
  },
  {
    ...operator,
    method: 'post',
    path: admin('/users/:user/password-reset'),
    summary: 'Makes the token of a one-time link.',
    answers: { 201: { description: 'Told this once.', schema: ResetLinkAnswer } },
    problems: ['not_found'],
  },
];

const refusesOthers = (operation: Operation): Operation => ({
  ...operation,
  problems: [...(operation.problems ?? []), 'peer_not_allowed'],
});

/** On the internal listener, with an operator's certificate. */
export const ADMIN_OPERATIONS: readonly Operation[] = [
  ...USERS,
  ...MACHINE_OPERATIONS,
  ...KEY_OPERATIONS,
].map(refusesOthers);
