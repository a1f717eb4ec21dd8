import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse, stringify } from 'yaml';
import { CallersOf } from '../../gateway/pipeline/caller.js';
import { checkClaims } from '../../gateway/pipeline/check-claims.js';
import { parseStrictObject } from '../../gateway/pipeline/strict-json.js';
import { compileSnapshot } from '../../gateway/routing/compile.js';
import { GatewayConfigSchema } from '../../gateway/routing/schema.js';
import { parseConfig } from '../../kit/config-file.js';
import { packageRoot } from '../../kit/package-root.js';
import { compileIssuers, NO_KEYS } from '../fixtures/issuer-config.js';
import { startTestGateway } from '../fixtures/test-gateway.js';
import { type Claims, signToken } from '../fixtures/test-issuer.js';

const read = (path: string): string => readFileSync(join(packageRoot(), path), 'utf8');
const sections = read('docs/identity-providers.md').split('\n## ').slice(1);
const blocks = (section: string, language: string): string[] =>
  [...section.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map(([, text]) => text ?? '');

interface Snippet {
  issuers: Record<string, { issuer: string; discovery?: unknown; token_type?: string | string[] }>;
  auth?: object;
}

const snippets = sections.flatMap((section) => blocks(section, 'yaml')).map((text) => parse(text) as Snippet);

t.test('each snippet is good in the config as shipped', async (t) => {
  t.equal(snippets.length, 6);
  const shipped = parse(read('config/gateway.yaml')) as { issuers: object; auth: object };
  for (const { issuers, auth } of snippets) {
    const config = {
      ...shipped,
      issuers: { ...shipped.issuers, ...issuers },
      auth: { ...shipped.auth, ...auth },
    };
    const parsed = parseConfig(stringify(config), 'gateway.yaml', GatewayConfigSchema, {});
    t.ok(compileSnapshot(parsed, () => NO_KEYS).version, Object.keys(issuers).join());
  }
});

/** What the tokens that the page shows are to mean. */
const EXPECTED = {
  Keycloak: {
    subject: '6b1c2c3e-6f6e-4f5e-9d57-0c9a3f4f0b11',
    client: 'shop',
    session: 'f2d7b2a4-3a70-4a4f-8f0e-6a4d3c1b2a10',
    scopes: ['profile', 'orders:read'],
    roles: ['ops', 'offline_access'],
  },
  Auth0: { subject: 'auth0|64d1f0c2a7', client: 'kX3bV9', scopes: ['openid', 'orders:read'], roles: ['ops'] },
  'Microsoft Entra ID': {
    subject: '00000000-0000-0000-66f3-3332eca7ea81',
    client: '6731de76-14a6-49ae-97bc-6eba6914391e',
    token: 'fqiBqXLPj0eQa82S-IYFAA',
    scopes: ['orders:read', 'orders:write'],
    roles: ['ops'],
  },
  Okta: {
    subject: 'ann@example.com',
    client: '0oabucvy',
    scopes: ['openid', 'orders:read'],
    roles: ['ops'],
  },
};

t.test('the token that the page shows of each provider means what it should', async (t) => {
  const nowMs = Date.UTC(2030, 0, 1);
  for (const [provider, expected] of Object.entries(EXPECTED)) {
    const section = sections.find((text) => text.startsWith(`${provider}\n`)) ?? '';
    const [snippet = '', payload = ''] = [...blocks(section, 'yaml'), ...blocks(section, 'json')];
    const [issuer] = compileIssuers((parse(snippet) as Snippet).issuers);
    if (issuer === undefined) throw new Error(`no issuer under ${provider}`);
    const times = { iat: nowMs / 1000, exp: nowMs / 1000 + 300 };
    const claims = { ...(JSON.parse(payload) as object), ...times };
    t.equal((claims as { iss?: string }).iss, issuer.issuer, provider);
    const token = checkClaims(
      parseStrictObject(Buffer.from(JSON.stringify(claims))) ?? {},
      issuer,
      'kid',
      nowMs,
    );
    t.match(
      new CallersOf(token).by({ source: 'bearer', text: '' }).identity,
      { kind: 'user', ...expected },
      provider,
    );
  }
});

t.test(
  'a gateway takes such tokens, signed as the providers sign, and not those of their traps',
  async (t) => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'RS256', use: 'sig' };
    const key = { ...pair, kid: 'k', jwk };
    const providers = Object.keys(EXPECTED).map((provider) => {
      const section = sections.find((text) => text.startsWith(`${provider}\n`)) ?? '';
      const [snippet = '', payload = ''] = [...blocks(section, 'yaml'), ...blocks(section, 'json')];
      return {
        provider,
        snippet: parse(snippet) as Required<Snippet>,
        claims: JSON.parse(payload) as Claims,
      };
    });
    const issuers = providers.flatMap(({ snippet }) =>
      Object.entries(snippet.issuers).map(([name, { discovery: _, ...issuer }]) => [
        name,
        { ...issuer, jwks: { keys: [jwk] } },
      ]),
    );
    const profiles = Object.assign({}, ...providers.map(({ snippet }) => snippet.auth)) as object;
    const { url } = await startTestGateway(t, {
      config: { issuers: Object.fromEntries(issuers) as object, auth: profiles },
      routes: Object.keys(profiles).map((auth) => ({
        path: `/${auth}`,
        methods: ['GET'],
        auth,
        upstream: 'app',
      })),
    });
    const nowS = Math.floor(Date.now() / 1000);
    for (const { provider, snippet, claims } of providers) {
      const [issuer] = Object.values(snippet.issuers);
      const [profile = ''] = Object.keys(snippet.auth);
      const code = async (changes: Claims = {}) => {
        const types = [issuer?.token_type ?? 'at+jwt'].flat();
        const typ = types.includes('jwt') ? 'JWT' : types[0] === 'none' ? undefined : types[0];
        const times = { iat: nowS, exp: nowS + 300 };
        const token = signToken(key, { ...claims, ...times, ...changes }, { alg: 'RS256', typ });
        const response = await fetch(`${url}/${profile}`, { headers: { authorization: `Bearer ${token}` } });
        return response.ok ? 'let in' : ((await response.json()) as { code: string }).code;
      };
      t.equal(await code(), 'let in', provider);
      t.equal(await code({ aud: 'account' }), 'token_claims', `${provider}: another audience`);
      const other =
        provider === 'Microsoft Entra ID' ? 'https://sts.windows.net/2f0e8a3c/' : 'https://other.test';
      t.equal(await code({ iss: other }), 'token_claims', `${provider}: another issuer`);
    }
    const opaque = await fetch(`${url}/auth0-user`, { headers: { authorization: 'Bearer kX3bV9opaque' } });
    t.match(await opaque.json(), { code: 'token_malformed' });
  },
);

t.test('the metrics and the command that the page names are there', async (t) => {
  const page = read('docs/identity-providers.md');
  const source = read('gateway/measure.ts') + read('cli/jwks.ts');
  for (const [name] of page.matchAll(/gatehouse_jwks_[a-z_]+/g)) t.match(source, `'${name}'`);
  t.match(source, ".command('jwks')");
});
