import type { ConfigCode } from '../../contracts/config-problems.js';
import { closest } from '../closest.js';
import { DURATION_PATTERN, parseDurationMs, parseSizeBytes, SIZE_PATTERN } from '../units.js';
import { describeForm, type FormSchema, fitsType } from './form-schema.js';

/** What is wrong with a single value, to stand behind its name. A secret is not quoted. */
export function wrongText(schema: FormSchema, value: unknown): { code: ConfigCode; message: string } {
  const quoted = schema.writeOnly === true ? 'not that' : quote(value);
  const { pattern = '' } = schema;
  if (pattern === DURATION_PATTERN) return { code: 'config_duration', message: wrongDuration(value, quoted) };
  if (pattern === SIZE_PATTERN) return { code: 'config_size', message: wrongSize(value, quoted) };
  return { code: 'config_value', message: wrongValue(schema, value, quoted) };
}

function wrongDuration(value: unknown, quoted: string): string {
  const text = String(value).trim();
  const candidate = /^\d+$/.test(text)
    ? `${text}s`
    : text
        .replace(/\s+/g, '')
        .replace(/(ms|s|m|h|d)[a-z]*$/i, (unit) => unit.toLowerCase().replace(/^(ms|.).*$/, '$1'));
  const remedy =
    parseDurationMs(candidate) === undefined
      ? 'write a number and ms, s, m, h or d, as 30s'
      : `did you mean "${candidate}"?`;
  return `is ${quoted}, which is no duration: ${remedy}`;
}

function wrongSize(value: unknown, quoted: string): string {
  const text = String(value).replace(/\s+/g, '');
  const candidate = /^\d+$/.test(text)
    ? `${text}B`
    : text.replace(/([kmg])(i?b?)$/i, (_, unit: string) => `${unit.toUpperCase()}iB`);
  const remedy =
    parseSizeBytes(candidate) === undefined
      ? 'write a number and B, KiB, MiB or GiB, as 64KiB'
      : `did you mean "${candidate}"?`;
  return `is ${quoted}, which is no size: ${remedy}`;
}

function wrongValue(schema: FormSchema, value: unknown, quoted: string): string {
  const { minimum, maximum, minLength = 0, maxLength, pattern } = schema;
  if (schema.enum !== undefined) {
    const guess = closest(String(value), schema.enum.map(String));
    return `has to be one of ${describeForm(schema)}${guess === undefined ? '' : `: did you mean "${guess}"?`}`;
  }
  if (!fitsType(schema, value) || (schema.type === 'integer' && !Number.isInteger(value))) {
    const hint = typeof value === 'string' && schema.type !== 'string' ? unquoteHint(schema, value) : '';
    return `has to be ${describeForm(schema)}, and is ${quoted}${hint}`;
  }
  if (typeof value === 'number') {
    const bounds = maximum === undefined ? `${minimum} or more` : `${minimum ?? 'at most'} to ${maximum}`;
    return `has to be ${bounds}, and is ${quoted}`;
  }
  const { length } = String(value);
  if (length < minLength) return 'may not be empty';
  if (maxLength !== undefined && length > maxLength)
    return `may have ${maxLength} characters, and has ${length}`;
  const beginning = /^\^([A-Za-z0-9:/]+)$/.exec(pattern ?? '')?.[1];
  return beginning === undefined
    ? `has a form that is not allowed, ${quoted}: it has to match ${pattern}`
    : `has to begin with ${beginning}, and is ${quoted}`;
}

/** Quotes make text of numbers and of true and false. */
const unquoteHint = ({ type }: FormSchema, value: string): string =>
  (type === 'boolean' && /^(true|false)$/.test(value)) || (type !== 'boolean' && /^-?\d+$/.test(value))
    ? ': write it without quotes'
    : type === 'boolean' && /^(yes|on|no|off)$/i.test(value)
      ? `: write ${/^(yes|on)$/i.test(value)}`
      : '';

function quote(value: unknown): string {
  if (typeof value === 'object') return Array.isArray(value) ? 'a list' : 'keys and their values';
  // May be a key that was pasted in.
  if (typeof value === 'string' && value.includes('\n')) return 'text of several lines';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
