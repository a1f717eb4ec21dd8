import { Value } from 'typebox/value';
import type { ConfigCode } from '../../contracts/config-problems.js';
import { closest } from '../closest.js';
import type { ConfigPath } from './config-problem.js';
import { describeForm, type FormSchema, fitsType } from './form-schema.js';
import { wrongText } from './wrong-text.js';

export interface FormProblem {
  path: ConfigPath;
  code: ConfigCode;
  message: string;
  part: 'key' | 'value';
  /** A key too many, without which the rest is right. */
  isExtra?: boolean;
}

/**
 * Everything in which `value` is not as the schema wants it, in the order of the schema. The checker of the schema decides;
 * this only finds the smallest part that it refuses, and the words.
 */
export function schemaProblems(schema: object, value: unknown, path: ConfigPath = []): FormProblem[] {
  if (Value.Check(schema, value)) return [];
  const at = schema as FormSchema;
  const problem = (code: ConfigCode, message: string): FormProblem[] => [
    { path, code, message, part: 'value' },
  ];
  if (at.anyOf !== undefined) return choiceProblems(choicesOf(at), value, path);
  if (value === null)
    return problem('config_value', `${nameOf(path)} has no value: it has to be ${describeForm(at)}`);
  if (at.type === 'object' && isMap(value)) return mapProblems(at, value, path);
  if (at.type === 'array' && Array.isArray(value)) return listProblems(at, value, path);
  const { code, message } = wrongText(at, value);
  return problem(code, `${nameOf(path)} ${message}`);
}

/** A choice whose forms are choices themselves is one choice of them all. */
const choicesOf = (schema: FormSchema): readonly FormSchema[] =>
  schema.anyOf === undefined ? [schema] : schema.anyOf.flatMap(choicesOf);

/** Of several forms the one that was most likely meant: of the value's type, with the fewest problems. */
function choiceProblems(branches: readonly FormSchema[], value: unknown, path: ConfigPath): FormProblem[] {
  const constants = branches.flatMap((branch) => ('const' in branch ? [branch.const] : []));
  const structured = branches.filter((branch) => !('const' in branch) && fitsType(branch, value));
  const [best] = structured
    .map((branch) => schemaProblems(branch, value, path))
    .sort((one, other) => one.length - other.length);
  if (best !== undefined) return best;
  const isNearConstants = constants.some((constant) => typeof constant === typeof value);
  const shown = isNearConstants ? branches.filter((branch) => 'const' in branch) : branches;
  const choices = [...new Set(shown.map(describeForm))];
  const guess =
    typeof value === 'string'
      ? closest(
          value,
          constants.filter((constant) => typeof constant === 'string'),
        )
      : undefined;
  const remedy = guess === undefined ? '' : `: did you mean "${guess}"?`;
  const message = `${nameOf(path)} has to be ${orList(choices)}${remedy}`;
  return [{ path, code: 'config_value', message, part: 'value' }];
}

function mapProblems(schema: FormSchema, value: Record<string, unknown>, path: ConfigPath): FormProblem[] {
  const { properties = {}, patternProperties = {}, required = [] } = schema;
  const [named] = Object.entries(patternProperties);
  const unknown = new Map<string, string | undefined>();
  const problems: FormProblem[] = [];
  for (const [key, item] of Object.entries(value)) {
    const at = [...path, key];
    if (Object.hasOwn(properties, key)) problems.push(...schemaProblems(properties[key] ?? {}, item, at));
    else if (named !== undefined && new RegExp(named[0]).test(key))
      problems.push(...schemaProblems(named[1], item, at));
    else if (named !== undefined) {
      const message = `"${key}" cannot be a name here: ${describeNames(named[0])}`;
      problems.push({ path: at, code: 'config_name', message, part: 'key' });
    } else if (schema.additionalProperties === false) {
      const free = Object.keys(properties).filter((name) => !Object.hasOwn(value, name));
      const guess = closest(key, free);
      unknown.set(key, guess);
      const message = unknownKey(key, guess, Object.keys(properties));
      const isExtra = guess === undefined || !required.includes(guess);
      problems.push({ path: at, code: 'config_unknown_key', message, part: 'key', isExtra });
    }
  }
  // What is there with a slip in its name is not missing as well.
  const guesses = new Set(unknown.values());
  const missing = required.filter((key) => !Object.hasOwn(value, key) && !guesses.has(key));
  if (missing.length > 0) {
    const keys = missing.map((key) => `"${key}"`).join(', ');
    problems.unshift({
      path,
      code: 'config_missing_key',
      message: `${nameOf(path)} needs ${keys}`,
      part: 'key',
    });
  }
  if (problems.length > 0) return problems;
  if (Object.keys(value).length >= (schema.minProperties ?? 0)) return unexplained(path);
  return [{ path, code: 'config_value', message: `${nameOf(path)} may not be empty`, part: 'value' }];
}

function listProblems(schema: FormSchema, value: readonly unknown[], path: ConfigPath): FormProblem[] {
  const problem = (message: string): FormProblem[] => [
    { path, code: 'config_value', message: `${nameOf(path)} ${message}`, part: 'value' },
  ];
  const { items = {}, minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema;
  if (value.length < minItems)
    return problem(minItems === 1 ? 'needs an entry' : `needs ${minItems} entries`);
  if (value.length > maxItems) return problem(`may have ${maxItems} entries`);
  const problems = value.flatMap((item, index) => schemaProblems(items, item, [...path, index]));
  if (problems.length > 0) return problems;
  const seen = new Set<string>();
  const twice = value.findIndex((item) => seen.size === seen.add(JSON.stringify(item)).size);
  if (twice === -1) return unexplained(path);
  const message = `an entry of ${nameOf(path)} stands there twice: keep one`;
  return [{ path: [...path, twice], code: 'config_value', message, part: 'value' }];
}

const unexplained = (path: ConfigPath): FormProblem[] => [
  { path, code: 'config_value', message: `${nameOf(path)} is not as the schema wants it`, part: 'value' },
];

function unknownKey(key: string, guess: string | undefined, names: readonly string[]): string {
  if (guess !== undefined) return `unknown key "${key}": did you mean "${guess}"?`;
  return names.length > 12 || names.length === 0
    ? `unknown key "${key}": remove it`
    : `unknown key "${key}": remove it, or use one of ${names.join(', ')}`;
}

function describeNames(pattern: string): string {
  if (pattern.startsWith('^[a-z][a-z0-9-]'))
    return 'a lower-case letter, then lower-case letters, digits and -';
  if (pattern.startsWith('^[A-Za-z][A-Za-z0-9-]')) return 'a letter, then letters, digits and -';
  return `names match ${pattern}`;
}

/** What people call it: the keys behind the last number of a list. */
export function nameOf(path: ConfigPath): string {
  if (path.length === 0) return 'the config';
  const isIndex = (step: string | number): boolean => typeof step === 'number';
  const behind = path.slice(path.findLastIndex(isIndex) + 1);
  if (behind.length > 0) return behind.join('.');
  return `an entry of ${path.filter((step) => !isIndex(step)).at(-1)}`;
}

export const orList = (choices: readonly string[]): string =>
  choices.length < 2 ? choices.join('') : `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
