import type { FastifyReply } from 'fastify';
import { Type } from 'typebox';
import type { AdminResetLink, AdminUser, AdminUserCreated } from '../../../contracts/admin-users.js';
import type { Account } from '../../accounts/account.js';
import type { AdministerAccounts } from '../../accounts/administer-accounts.js';
import type { CreateAccount } from '../../accounts/create-account.js';
import type { PasswordResets, ResetLink } from '../../accounts/reset-password.js';
import type { AddAdminRoutes } from '../admin-routes.js';
import { originOf } from '../origin-of.js';
import { AccessBody, NewAccountBody } from '../schemas.js';
import { sendEnding } from '../send-tokens.js';

export interface UserRouteDeps {
  createAccount: CreateAccount;
  administerAccounts: AdministerAccounts;
  passwordResets: PasswordResets;
}

const DEFAULT_ROLES = ['user'];
const PAGE_SIZE = 200;

const ofUser = { schema: { params: Type.Object({ user: Type.String() }) } };
export const UserQuery = Type.Object(
  { after: Type.Optional(Type.String()) },
  { additionalProperties: false },
);

/** Accounts. `:user` is an id or an e-mail address, which is what an operator has at hand. */
export function userRoutes({
  createAccount,
  administerAccounts,
  passwordResets,
}: UserRouteDeps): AddAdminRoutes {
  return (admin) => {
    admin.post('/users', { schema: { body: NewAccountBody } }, async (request, reply) => {
      const { email, password, roles = DEFAULT_ROLES, scopes = [] } = request.body;
      const origin = originOf(request);
      const { account, result } = await createAccount(
        { email, password, roles, scopes },
        'operator',
        origin,
        // Who is not given a password chooses one.
        async (trx, created) =>
          password === undefined ? passwordResets.createLink(trx, created, 'operator', origin) : undefined,
      );
      const body: AdminUserCreated = { user: userOf(account), ...(result && { reset: linkOf(result) }) };
      return reply.code(201).send(body);
    });

    admin.get('/users', { schema: { querystring: UserQuery } }, async (request, reply) => {
      const accounts = await administerAccounts.list(request.query.after ?? '', PAGE_SIZE);
      const next = accounts.length === PAGE_SIZE ? (accounts.at(-1)?.email ?? null) : null;
      return reply.send({ users: accounts.map(userOf), next });
    });

    admin.get('/users/:user', ofUser, async (request, reply) =>
      sendUser(reply, await administerAccounts.find(request.params.user)),
    );

    admin.post('/users/:user/disable', ofUser, async (request, reply) =>
      sendEnding(reply, await administerAccounts.disable(request.params.user, originOf(request))),
    );

    admin.post('/users/:user/enable', ofUser, async (request, reply) => {
      await administerAccounts.enable(request.params.user, originOf(request));
      return sendUser(reply, await administerAccounts.find(request.params.user));
    });

    const withAccess = { schema: { ...ofUser.schema, body: AccessBody } };
    admin.put('/users/:user/access', withAccess, async (request, reply) => {
      const { roles, scopes } = request.body;
      const access = { ...(roles && { roles }), ...(scopes && { scopes }) };
      return sendEnding(
        reply,
        await administerAccounts.setAccess(request.params.user, access, originOf(request)),
      );
    });

    admin.post('/users/:user/password-reset', ofUser, async (request, reply) => {
      const link = await administerAccounts.createResetLink(request.params.user, originOf(request));
      return reply.code(201).send(linkOf(link));
    });
  };
}

const sendUser = (reply: FastifyReply, account: Account): FastifyReply =>
  reply.send({ user: userOf(account) });

function userOf(account: Account): AdminUser {
  const { id, email, status, roles, scopes, createdAtMs } = account;
  return { id, email, status, roles, scopes, created_at: new Date(createdAtMs).toISOString() };
}

function linkOf({ token, expiresAtMs }: ResetLink): AdminResetLink {
  return { token, expires_at: new Date(expiresAtMs).toISOString() };
}
