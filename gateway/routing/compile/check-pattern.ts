import type { ConfigCode } from '../../../contracts/config-problems.js';
import { WELL_KNOWN } from '../../../contracts/well-known.js';
import { closest } from '../../../kit/closest.js';
import type { ConfigFile, ConfigPath, ConfigProblem } from '../../../kit/config-file.js';
import type { GatewayConfig } from '../schema.js';

type Config = ConfigFile<GatewayConfig>;

const STATIC_SEGMENT = /^[A-Za-z0-9._~!$&'()+,=@-]+$/;
/** What is written so is meant as a regular expression; `{id}` is OpenAPI's parameter. */
const REGEXP = /[\\^|[\]{}]|[.)][*+?]|:[^/]*\(/;
const BRACED = /^\{([A-Za-z][A-Za-z0-9_]*)\}$/;
const PARAMETER = /^:[A-Za-z][A-Za-z0-9_]*$/;

/** Segments that mean one thing to every server: plain text, `:name`, and `*` or nothing as the last one. */
export function checkSegments(config: Config, at: ConfigPath, pattern: string): ConfigProblem[] {
  const fault = patternFault(pattern);
  return fault === undefined ? [] : [config.problem(at, ...fault)];
}

type Fault = readonly [code: ConfigCode, message: string];

/** What keeps a text from being the path of a route. */
export function routePathFault(path: string): Fault | undefined {
  if (!`${path}/`.startsWith(WELL_KNOWN.gatewayPrefix)) return patternFault(path);
  return ['config_route_reserved', `${WELL_KNOWN.gatewayPrefix} is the gateway\u2019s own`];
}

function patternFault(pattern: string): Fault | undefined {
  const segments = pattern.slice(1).split('/');
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1;
    if (isLast && (segment === '' || segment === '*')) continue;
    const named = `"${segment}" in ${pattern}`;
    const braced = BRACED.exec(segment)?.[1];
    if (braced !== undefined) return ['config_route_path', `${named} is no path segment: write :${braced}`];
    if (REGEXP.test(segment)) {
      const remedy = 'is a regular expression, and paths take none: use :name for any segment';
      return ['config_route_regexp', `${named} ${remedy}`];
    }
    if (segment === '.' || segment === '..' || !(STATIC_SEGMENT.test(segment) || PARAMETER.test(segment))) {
      const remedy = 'is no path segment: use plain text, :name, or * as the last one';
      return ['config_route_path', `${named} ${remedy}`];
    }
  }
  return undefined;
}

/** Names without their colon, in order; `*` for a wildcard. */
export function parametersOf(pattern: string): string[] {
  return pattern
    .split('/')
    .filter((segment) => segment.startsWith(':') || segment === '*')
    .map((segment) => segment.replace(/^:/, ''));
}

/** A template that is filled from the route's path can use what that path has. */
export function checkTemplate(
  config: Config,
  at: ConfigPath,
  template: string,
  pattern: string,
): ConfigProblem[] {
  const invalid = checkSegments(config, at, template);
  if (invalid.length > 0) return invalid;
  const known = parametersOf(pattern);
  return parametersOf(template).flatMap((name) => {
    if (known.includes(name)) return [];
    const guess = closest(name, known);
    const named = name === '*' ? '*' : `:${name}`;
    const remedy =
      guess !== undefined && guess !== '*'
        ? `did you mean ":${guess}"?`
        : `it has ${known.map((each) => (each === '*' ? '*' : `:${each}`)).join(', ') || 'no parameters'}`;
    const message = `${template} needs ${named}, which ${pattern} does not have: ${remedy}`;
    return [config.problem(at, 'config_rewrite', message)];
  });
}
