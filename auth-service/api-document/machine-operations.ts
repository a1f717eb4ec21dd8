import { Type } from 'typebox';
import { INTERNAL } from '../../contracts/well-known.js';
import { AuditQuery } from '../http/admin/audit-routes.js';
import { RewrapBody } from '../http/admin/keys-routes.js';
import {
  ApiKeyRotationBody,
  ClientRotationBody,
  NewApiKeyBody,
  NewClientBody,
} from '../http/admin/machine-schemas.js';
import { RevocationBody } from '../http/admin/revocation-routes.js';
import {
  ApiKeyAnswer,
  AuditAnswer,
  ClientAnswer,
  KeyListAnswer,
  KeysRotatedAnswer,
  RewrappedAnswer,
} from './admin-answers.js';
import { answer, endings, Text } from './answers.js';
import { type Operation, TOKEN_REFUSALS } from './operation.js';

const operator = { tag: 'Administration', credentials: ['operatorCertificate'] } as const;
const admin = (path: string): string => INTERNAL.adminPrefix + path;

const NewClientAnswer = answer({ client: ClientAnswer, client_secret: Type.Optional(Text) });
const NewApiKeyAnswer = answer({ key: ApiKeyAnswer, api_key: Text });
/** With overlap 0 the old credentials' tokens are revoked, too. */
const rotated = (schema: typeof NewClientAnswer | typeof NewApiKeyAnswer) => ({
  200: { description: 'Told this once.', schema },
  202: { description: 'The same; the end of the old one is on its way to the last gateway.', schema },
});

/** Services, API keys, signing keys, revocations and records, for operators. */
export const MACHINE_OPERATIONS: readonly Operation[] = [
  {
    ...operator,
    method: 'get',
    path: admin('/clients'),
    summary: 'OAuth clients.',
    answers: { 200: { description: 'All of them.', schema: answer({ clients: Type.Array(ClientAnswer) }) } },
  },
  {
    ...operator,
    method: 'post',
    path: admin('/clients'),
    summary: 'Makes a client.',
    body: NewClientBody,
    answers: { 201: { description: 'A secret is told this once.', schema: NewClientAnswer } },
    problems: ['conflict'],
  },
  {
    ...operator,
    method: 'post',
    path: admin('/clients/:id/rotate'),
    summary: 'Another credential; the one before serves for `overlap` seconds more.',
    body: ClientRotationBody,
    answers: rotated(NewClientAnswer),
    problems: ['not_found', 'conflict'],
  },
  {
    ...operator,
    method: 'post',
    path: admin('/clients/:id/disable'),
    summary: 'Disables a client for good and ends its tokens and sessions.',
    answers: endings(),
    problems: ['not_found'],
  },
  {
    ...operator,
    method: 'get',
    path: admin('/api-keys'),
    summary: 'API keys.',
    answers: { 200: { description: 'All of them.', schema: answer({ keys: Type.Array(ApiKeyAnswer) }) } },
  },
  {
    ...operator,
    method: 'post',
    path: admin('/api-keys'),
    summary: 'Makes an API key.',
    body: NewApiKeyBody,
    answers: { 201: { description: 'The key is told this once.', schema: NewApiKeyAnswer } },
  },
  {
    ...operator,
    method: 'post',
    path: admin('/api-keys/:id/rotate'),
    summary: 'Another key of the same name, scopes and lifetime.',
    body: ApiKeyRotationBody,
    answers: rotated(NewApiKeyAnswer),
    problems: ['not_found', 'conflict'],
  },
  {
    ...operator,
    method: 'post',
    path: admin('/api-keys/:id/revoke'),
    summary: 'Ends an API key.',
    answers: endings(),
    problems: ['not_found'],
  },
];

export const KEY_OPERATIONS: readonly Operation[] = [
  {
    ...operator,
    method: 'get',
    path: admin('/keys'),
    summary: 'Signing keys and their states.',
    answers: { 200: { description: 'All of them.', schema: KeyListAnswer } },
  },
  {
    ...operator,
    method: 'post',
    path: admin('/keys/rotate'),
    summary: 'Makes the next key the active one.',
    answers: { 200: { description: 'Key ids.', schema: KeysRotatedAnswer } },
    problems: ['key_too_new'],
  },
  {
    ...operator,
    method: 'post',
    path: admin('/keys/:kid/revoke'),
    summary: 'Emergency: a key and every token that it signed are refused at once.',
    answers: endings({ active: Text }),
    problems: ['not_found'],
  },
  {
    ...operator,
    method: 'post',
    path: admin('/keys/rewrap'),
    summary: 'Encrypts what is stored with the newest key-encryption key, some at a time.',
    body: RewrapBody,
    answers: { 200: { description: '`after` is where the next call goes on.', schema: RewrappedAnswer } },
  },
  {
    ...operator,
    method: 'post',
    path: admin('/revocations'),
    summary: 'Revokes a token, a session, a subject, a key, or what was issued before a time.',
    body: RevocationBody,
    answers: endings(),
    problems: ['not_found', ...TOKEN_REFUSALS],
  },
  {
    ...operator,
    method: 'get',
    path: admin('/audit'),
    summary: 'What has happened, in order.',
    query: AuditQuery,
    answers: { 200: { description: '`next` is the `after` of the next page.', schema: AuditAnswer } },
  },
];
