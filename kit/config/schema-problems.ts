import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { closest } from '../closest.js';
import type { ConfigPath, ConfigProblem } from './config-problem.js';

export function schemaProblems(
  schema: TSchema,
  value: unknown,
  problem: (path: ConfigPath, code: string, message: string) => ConfigProblem,
): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const error of Value.Errors(schema, value)) {
    const path = pointerPath(error.instancePath);
    if (error.keyword === 'additionalProperties') {
      for (const key of error.params.additionalProperties) {
        problems.push(
          problem([...path, key], 'config_unknown_key', unknownKey(key, schema, error.schemaPath)),
        );
      }
    } else if (error.keyword === 'required') {
      const names = error.params.requiredProperties.map((name) => `"${name}"`).join(', ');
      problems.push(problem(path, 'config_missing_key', `${where(path)} needs ${names}`));
    } else if (error.keyword !== 'boolean') {
      problems.push(problem(path, 'config_value', `${where(path)} ${explain(error)}`));
    }
  }
  return problems;
}

const where = (path: ConfigPath): string => (path.length === 0 ? 'the file' : path.join('.'));

function explain(error: { keyword: string; message: string; params: object }): string {
  if (error.keyword === 'const' && 'allowedValue' in error.params) {
    return `may be ${JSON.stringify(error.params.allowedValue)}`;
  }
  return error.message;
}

function unknownKey(key: string, schema: TSchema, schemaPath: string): string {
  const { properties = {}, patternProperties = {} } = schemaAt(schema, schemaPath);
  const [pattern] = Object.keys(patternProperties);
  if (pattern !== undefined) return `"${key}" cannot be a name here: names match ${pattern}`;
  const guess = closest(key, Object.keys(properties));
  return `unknown key "${key}": ${guess === undefined ? 'remove it' : `did you mean "${guess}"?`}`;
}

/** The object schema at a JSON pointer. */
function schemaAt(schema: TSchema, schemaPath: string): { properties?: object; patternProperties?: object } {
  let node: unknown = schema;
  for (const step of pointerPath(schemaPath.replace(/^#/, ''))) {
    node = (node as Record<string, unknown> | undefined)?.[step];
  }
  return (node ?? {}) as { properties?: object; patternProperties?: object };
}

function pointerPath(pointer: string): string[] {
  return pointer === ''
    ? []
    : pointer
        .slice(1)
        .split('/')
        .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}
