import { LoginBody, RefreshTokenBody } from '../http/schemas.js';
import { ApiKeyAnswer, ClientAnswer, ResetLinkAnswer, UserAnswer } from './admin-answers.js';
import {
  Ended,
  EndPending,
  JwksAnswer,
  RevocationEntrySchema,
  SessionListAnswer,
  TokenAnswer,
} from './answers.js';
import { IntrospectionAnswer, MetadataAnswer, OAuthTokenAnswer, TokenForm } from './oauth-operations.js';

/** What the document tells once, and what generated clients call it. */
export const NAMED_SCHEMAS = {
  LoginRequest: LoginBody,
  RefreshTokenRequest: RefreshTokenBody,
  TokenResponse: TokenAnswer,
  Ended,
  EndPending,
  SessionList: SessionListAnswer,
  OAuthTokenRequest: TokenForm,
  OAuthTokenResponse: OAuthTokenAnswer,
  Introspection: IntrospectionAnswer,
  AuthorizationServerMetadata: MetadataAnswer,
  KeySet: JwksAnswer,
  RevocationEntry: RevocationEntrySchema,
  User: UserAnswer,
  PasswordResetLink: ResetLinkAnswer,
  Client: ClientAnswer,
  ApiKey: ApiKeyAnswer,
};
