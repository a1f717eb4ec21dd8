import { type Static, Type } from 'typebox';
import type { AdminAudit } from '../../contracts/admin-audit.js';
import type { AdminKeys, AdminKeysRotated, AdminRewrapped } from '../../contracts/admin-keys.js';
import type { AdminApiKey, AdminClient } from '../../contracts/admin-machines.js';
import type { AdminResetLink, AdminUser, AdminUserList } from '../../contracts/admin-users.js';
import { answer, Text, Time } from './answers.js';

const Texts = Type.Array(Text);
const TextOrNull = Type.Union([Text, Type.Null()]);
const TimeOrNull = Type.Union([Time, Type.Null()]);
const CountOrNull = Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]);
const Count = Type.Integer({ minimum: 0 });

export const UserAnswer = answer({
  id: Text,
  email: Text,
  status: Type.Union([Type.Literal('active'), Type.Literal('disabled')]),
  roles: Texts,
  scopes: Texts,
  created_at: Time,
});
export const UserListAnswer = answer({ users: Type.Array(UserAnswer), next: TextOrNull });
export const ResetLinkAnswer = answer({ token: Text, expires_at: Time });

export const ClientAnswer = answer({
  client_id: Text,
  service: Text,
  auth_method: Type.Union([
    Type.Literal('client_secret'),
    Type.Literal('private_key_jwt'),
    Type.Literal('tls_client_auth'),
  ]),
  grants: Type.Array(Type.Union([Type.Literal('client_credentials'), Type.Literal('refresh_token')])),
  scopes: Texts,
  audiences: Texts,
  token_ttl: CountOrNull,
  dpop_bound_access_tokens: Type.Boolean(),
  status: Type.Union([Type.Literal('active'), Type.Literal('disabled')]),
  created_at: Time,
  credentials: Type.Array(
    answer({
      id: Text,
      kid: Type.Optional(Text),
      certificate_name: Type.Optional(Text),
      created_at: Time,
      expires_at: TimeOrNull,
    }),
  ),
});

export const ApiKeyAnswer = answer({
  id: Text,
  name: Text,
  service: Text,
  scopes: Texts,
  status: Type.Union([Type.Literal('active'), Type.Literal('expired'), Type.Literal('revoked')]),
  created_at: Time,
  expires_at: TimeOrNull,
  last_used_at: TimeOrNull,
  replaced_by: TextOrNull,
});

export const KeyListAnswer = answer({
  keys: Type.Array(
    answer({
      kid: Text,
      algorithm: Text,
      state: Type.Union([
        Type.Literal('next'),
        Type.Literal('active'),
        Type.Literal('retiring'),
        Type.Literal('gone'),
      ]),
      created_at: Time,
      usable_from: TimeOrNull,
      activated_at: TimeOrNull,
      retiring_at: TimeOrNull,
      gone_at: TimeOrNull,
      tokens_expire_at: TimeOrNull,
      kek_version: CountOrNull,
    }),
  ),
});
export const KeysRotatedAnswer = answer({ active: Text, retiring: Text, next: Text });
export const RewrappedAnswer = answer({
  signing_keys: Count,
  sessions: Count,
  unreadable: Count,
  after: TextOrNull,
  remaining: CountOrNull,
});

export const AuditAnswer = answer({
  records: Type.Array(
    answer({
      id: Count,
      at: Time,
      action: Text,
      actor: Text,
      subject: TextOrNull,
      session_id: TextOrNull,
      request_id: TextOrNull,
      ip: TextOrNull,
      user_agent: TextOrNull,
      detail: Type.Record(Type.String(), Type.Unknown()),
    }),
  ),
  next: CountOrNull,
});

/** The contracts that the command is compiled against and these schemas say the same. */
type Same<A, B> = [A, B] extends [B, A] ? true : never;
export const ADMIN_AGREE: [
  Same<Static<typeof UserAnswer>, AdminUser>,
  Same<Static<typeof UserListAnswer>, AdminUserList>,
  Same<Static<typeof ResetLinkAnswer>, AdminResetLink>,
  Same<Static<typeof ClientAnswer>, AdminClient>,
  Same<Static<typeof ApiKeyAnswer>, AdminApiKey>,
  Same<Static<typeof KeyListAnswer>, AdminKeys>,
  Same<Static<typeof KeysRotatedAnswer>, AdminKeysRotated>,
  Same<Static<typeof RewrappedAnswer>, AdminRewrapped>,
  Same<Static<typeof AuditAnswer>, AdminAudit>,
] = [true, true, true, true, true, true, true, true, true];
