import diagnostics from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { FastifyInstance, RouteOptions } from 'fastify';
import t from 'tap';
import { parse } from 'yaml';
import { OPERATIONS } from '../../../auth-service/index.js';
import { packageRoot } from '../../../kit/package-root.js';
import { needsPostgres, testDatabase } from '../../fixtures/postgres.js';
import { testAuthService } from '../../fixtures/test-auth-service.js';

const read = (path: string): string => readFileSync(join(packageRoot(), path), 'utf8');

t.test('the document is good OpenAPI 3.1, each operation with an id of its own', async (t) => {
  const document = parse(read('docs/auth-api.openapi.yaml')) as { paths: object };
  const validator = new Validator();
  const { valid, errors } = await validator.validate(document);
  t.ok(valid, JSON.stringify(errors));
  t.equal(validator.version, '3.1');
  const ids = [...JSON.stringify(document).matchAll(/"operationId":"(\w+)"/g)].map(([, id]) => id);
  t.equal(new Set(ids).size, OPERATIONS.length);
  const broken = { ...document, info: {} };
  t.notOk((await validator.validate(broken)).valid, 'and one that is not would be seen');
});

t.test(
  'it has every route that the auth service registers, no other, and the same requests',
  needsPostgres,
  async (t) => {
    const registered = new Map<string, RouteOptions>();
    const onInitialization = (message: unknown): void => {
      (message as { fastify: FastifyInstance }).fastify.addHook('onRoute', (route) => {
        registered.set(`${String(route.method).toLowerCase()} ${route.url}`, route);
      });
    };
    diagnostics.subscribe('fastify.initialization', onInitialization);
    t.teardown(() => diagnostics.unsubscribe('fastify.initialization', onInitialization));
    await testAuthService(t, {
      databaseUrl: await testDatabase(t),
      change: (config) => ({
        ...config,
        accounts: { ...config.accounts, registration: { roles: ['user'], scopes: [] } },
      }),
    });

    const documented = new Map(
      OPERATIONS.map((operation) => [`${operation.method} ${operation.path}`, operation]),
    );
    t.strictSame([...documented.keys()].sort(), [...registered.keys()].sort());
    for (const [name, { schema = {} }] of registered) {
      const { body, query, bodyType } = documented.get(name) ?? {};
      // Forms are read by a parser of our own.
      if (bodyType !== 'form') t.equal(body, schema.body, `${name}: body`);
      t.equal(query, schema.querystring, `${name}: query`);
    }
  },
);
