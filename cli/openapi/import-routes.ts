import { type Access, type Auth, accessOf } from './access.js';
import { type Operation, operationsOf } from './operations.js';
import { pathPattern } from './path-pattern.js';
import { unusable } from './problem.js';
import type { OpenApiDocument } from './read-document.js';
import { SecuritySchemes } from './security-schemes.js';

export interface ImportOptions {
  upstream: string;
  profile: string;
  /** In place of the servers' paths; without a slash at its end. */
  base: string | undefined;
  /** What keeps a text from being the path of a route. */
  pathFault: (pattern: string) => string | undefined;
}

export interface ImportedRoute {
  /** `GET /orders/{id}`, as the document has them. */
  operations: string[];
  /** As the config has it. */
  route: { path: string; methods: string[]; auth: Auth; upstream: string };
}

/** About one operation, or the document. */
export interface ImportNote {
  where: string;
  message: string;
}

export interface ImportReport {
  source: string;
  openapi: string;
  routes: ImportedRoute[];
  /** Where the routes are not quite, or surprisingly, what the document says. */
  warnings: ImportNote[];
  /** Operations that became no route. */
  left_out: ImportNote[];
}

/** Of one operation: either a pattern or why there is none. */
interface Planned extends Operation {
  access: Access;
  pattern: string | undefined;
  fault: string;
}

/** Routes for the operations of a document. Those of one path that the same callers may use share one. */
export function importRoutes(document: OpenApiDocument, options: ImportOptions): ImportReport {
  const schemes = new SecuritySchemes(document.root, options.profile);
  const planned = withoutTwins(
    operationsOf(document, options.base).map((operation) => plan(operation, schemes, options)),
  );
  const taken = planned.filter(({ pattern }) => pattern !== undefined);
  const leftOut = planned.filter(({ pattern, fault }) => pattern === undefined && fault !== '');
  for (const operation of leftOut) checkTakenElsewhere(operation, taken);
  const notes = [...schemes.used.values()].flatMap(({ name, note }) =>
    note === undefined ? [] : [{ where: `the security scheme ${name}`, message: note }],
  );
  return {
    source: document.file,
    openapi: document.version,
    routes: grouped(taken, options.upstream),
    warnings: [
      ...notes,
      ...taken.flatMap((operation) =>
        notesOf(operation).map((message) => ({ where: operation.name, message })),
      ),
    ],
    left_out: leftOut.map(({ name, fault }) => ({ where: name, message: fault })),
  };
}

function plan(operation: Operation, schemes: SecuritySchemes, options: ImportOptions): Planned {
  const { method, path, security, securityAt } = operation;
  const access = accessOf(security, schemes, options.profile, securityAt);
  const left = (fault: string): Planned => ({ ...operation, access, pattern: undefined, fault });
  if (method === 'TRACE' || method === 'QUERY') return left('gateways do not serve this method');
  const found = pathPattern(path);
  if ('fault' in found) return left(found.fault);
  const fault = options.pathFault(found.pattern);
  return fault === undefined ? { ...operation, access, pattern: found.pattern, fault: '' } : left(fault);
}

const shapeOf = (pattern: string): string => pattern.replaceAll(/:[^/]+/g, ':');
const sameAuth = (a: Planned, b: Planned): boolean =>
  JSON.stringify(a.access.auth) === JSON.stringify(b.access.auth);

/** One route for a method and a path, whatever its parameters are called; GET's is HEAD's too. */
function withoutTwins(planned: readonly Planned[]): Planned[] {
  const first = new Map<string, Planned>();
  return planned.map((operation) => {
    const { pattern, method } = operation;
    if (pattern === undefined) return operation;
    const key = `${method} ${shapeOf(pattern)}`;
    const get = method === 'HEAD' ? first.get(`GET ${shapeOf(pattern)}`) : undefined;
    const twin = first.get(key) ?? get;
    if (twin === undefined) {
      first.set(key, operation);
      return operation;
    }
    const isServed = twin === get && sameAuth(operation, twin);
    return { ...operation, pattern: undefined, fault: isServed ? '' : `${twin.name} takes its requests` };
  });
}

/** What has no route of its own must not get in by another's rules. */
function checkTakenElsewhere(operation: Planned, taken: readonly Planned[]): void {
  const segments = operation.path.split('/');
  const takes = ({ method, pattern = '' }: Planned): boolean => {
    const parts = pattern.split('/');
    return (
      method === operation.method &&
      parts.length === segments.length &&
      parts.every(
        (part, index) =>
          part.startsWith(':') || part === segments[index] || /[{}]/.test(segments[index] ?? ''),
      )
    );
  };
  const other = taken.find((candidate) => takes(candidate) && !sameAuth(candidate, operation));
  if (other !== undefined)
    throw unusable(
      operation.name,
      `there can be no route for it (${operation.fault}), and that of ${other.name} would take its requests under other rules`,
    );
}

function grouped(taken: readonly Planned[], upstream: string): ImportedRoute[] {
  const routes = new Map<string, ImportedRoute>();
  for (const { name, method, pattern = '', access } of taken) {
    const key = JSON.stringify([pattern, access.auth]);
    const known = routes.get(key);
    if (known === undefined) {
      const route = { path: pattern, methods: [method], auth: access.auth, upstream };
      routes.set(key, { operations: [name], route });
    } else {
      known.operations.push(name);
      known.route.methods.push(method);
    }
  }
  return [...routes.values()];
}

function notesOf({ method, hasBody, warnings, access }: Planned): string[] {
  const isBodyOnGet = hasBody && (method === 'GET' || method === 'HEAD');
  const refused = `a body on ${method} is refused; the route can allow it (body_on_get)`;
  return [...access.warnings, ...warnings, ...(isBodyOnGet ? [refused] : [])];
}
