import { OPERATIONS, type Operation, refusalCodes, TAGS } from '../../auth-service/index.js';

/** `docs/auth-api.md`, from the operations that the OpenAPI document is made of. */
export function authApiPage(): string {
  const sections = Object.entries(TAGS).map(([tag, about]) => {
    const operations = OPERATIONS.filter((operation) => operation.tag === tag);
    return `## ${tag}\n\n${about}\n\n${operations.map(section).join('\n')}`;
  });
  return `<!-- Generated from auth-service/api-document/ by \`npm run gen\`. Do not edit by hand. -->

# The auth service's API

The same as [an OpenAPI 3.1 document](auth-api.openapi.yaml), for people. What goes on behind it is in
[architecture.md](architecture.md), and [the SDK](client.md) calls it for you.

Clients reach it through the gateway. Bodies are JSON, at the OAuth endpoints forms. A refusal is
\`application/problem+json\` with a \`code\` ([errors.md](errors.md)), at the OAuth endpoints RFC 6749's
\`{"error", "error_description"}\`. 429 and 503 carry \`Retry-After\`. Any request may also meet
${ANY.map(code).join(', ')}, one with a body ${WITH_BODY.map(code).join(', ')}, and whatever the gateway refuses.
An answer may grow: pass over members that you do not know.

The examples run with \`npm start\` and

\`\`\`sh
BASE=http://127.0.0.1:8080
\`\`\`

${sections.join('\n')}`;
}

const ANY = ['request_invalid', 'store_unavailable', 'internal_error'];
const WITH_BODY = ['json_invalid', 'body_too_large', 'media_type_unsupported'];
const code = (text: string): string => `\`${text}\``;

const CREDENTIALS: Record<Operation['credentials'][number], string> = {
  accessToken: '`Authorization: Bearer` (or `DPoP` with a proof)',
  refreshToken: '`refresh_token` in the body',
  refreshCookie: 'the refresh cookie, with an `Origin` of the list',
  clientSecret: 'HTTP Basic, or `client_id` and `client_secret`',
  clientAssertion: '`client_assertion` ([private_key_jwt](oauth.md#how-a-client-proves-itself))',
  clientCertificate: 'a client certificate and `client_id`',
  gatewayCertificate: 'a gateway’s certificate',
  operatorCertificate: 'an operator’s certificate',
};

function section(operation: Operation): string {
  const { method, path, summary, description = '', credentials } = operation;
  const facts = [
    `**Who asks:** ${credentials.length === 0 ? 'anybody' : credentials.map((name) => CREDENTIALS[name]).join('; ')}.`,
    `**Answers:** ${answers(operation)}`,
    refusals(operation),
  ];
  const head = `### ${method.toUpperCase()} ${path}\n\n${summary}${description && ` ${description}`}\n\n`;
  return `${head}${members(operation)}${facts.filter(Boolean).join('\n\n')}\n${curl(operation)}`;
}

interface Member {
  description?: string;
  type?: string;
  const?: string;
  enum?: string[];
  anyOf?: Member[];
  maxLength?: number;
}

/** What the body, or the query, may hold. */
function members({ body, query, isBodyOptional, bodyType }: Operation): string {
  const schema = (body ?? query) as
    | { properties?: Record<string, Member>; required?: string[]; anyOf?: object[] }
    | undefined;
  if (schema === undefined) return '';
  const isQuery = body === undefined;
  const variants = (schema.anyOf ?? [schema]) as {
    properties: Record<string, Member>;
    required?: string[];
  }[];
  const kind = isQuery ? 'query parameter' : bodyType === 'form' ? 'form field' : 'member';
  const tables = variants.map(({ properties, required = [] }) => {
    const rows = Object.entries(properties).map(
      ([name, member]) => `| \`${name}\` | ${required.includes(name) ? 'yes' : ''} | ${typeOf(member)} |`,
    );
    return `| ${kind} | needed | |\n|---|---|---|\n${rows.join('\n')}\n`;
  });
  const optional = isBodyOptional === true ? 'The body may be left out.\n\n' : '';
  return `${optional}${tables.join('\nor\n\n')}\n`;
}

function typeOf({ type, description, const: value, enum: choices, anyOf }: Member): string {
  const values = choices ?? anyOf?.flatMap((member) => member.const ?? []);
  const what = value ?? (values?.length ? values.join('`, `') : undefined);
  const shown = what === undefined ? (type ?? 'any') : `\`${what}\``;
  return [shown, description].filter(Boolean).join(': ');
}

function answers({ answers }: Operation): string {
  return Object.entries(answers)
    .map(([status, { description, schema }]) => {
      const { properties } = (schema ?? {}) as { properties?: object };
      const names = properties === undefined ? '' : ` ${Object.keys(properties).map(code).join(', ')}.`;
      return `${status}: ${description}${names}`;
    })
    .join(' ');
}

/** Those of this route alone. */
function refusals(operation: Operation): string {
  const usual = new Set([...ANY, ...WITH_BODY]);
  const lines = [...refusalCodes(operation)].flatMap(([status, codes]) => {
    const own = codes.filter((name) => !usual.has(name));
    return own.length === 0 ? [] : [`${status} ${own.map(code).join(', ')}`];
  });
  return lines.length === 0 ? '' : `**Refusals:** ${lines.join('; ')}.`;
}

/** A command to try it with; none for what is behind mTLS. */
function curl({ method, path, credentials, bodyType, example }: Operation): string {
  if (path.startsWith('/internal/')) return '';
  const parts = [`curl -s -i $BASE${path.replace(/:(\w+)/, '$SESSION_ID')}`];
  if (method !== 'get' && (method !== 'post' || example === undefined))
    parts.push(`-X ${method.toUpperCase()}`);
  if (credentials.includes('accessToken')) parts.push('-H "Authorization: Bearer $TOKEN"');
  if (credentials.includes('clientSecret')) parts.push('-u "$CLIENT_ID:$CLIENT_SECRET"');
  if (example !== undefined && bodyType === 'form')
    parts.push(...Object.entries(example).map(([name, value]) => `-d "${name}=${value}"`));
  else if (example !== undefined)
    parts.push(
      "-H 'Content-Type: application/json'",
      `-d "${JSON.stringify(example).replaceAll('"', '\\"')}"`,
    );
  return `\n\`\`\`sh\n${parts.join(' \\\n  ')}\n\`\`\`\n`;
}
