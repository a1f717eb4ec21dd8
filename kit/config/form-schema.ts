/** The part of JSON Schema that our configs are written in. */
export interface FormSchema {
  type?: string;
  const?: unknown;
  enum?: unknown[];
  anyOf?: FormSchema[];
  properties?: Record<string, FormSchema>;
  patternProperties?: Record<string, FormSchema>;
  additionalProperties?: unknown;
  required?: string[];
  minProperties?: number;
  items?: FormSchema;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  pattern?: string;
  writeOnly?: boolean;
}

const NAMES: Record<string, string> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'keys and their values',
};

export function describeForm({ const: constant, enum: choices, type = '' }: FormSchema): string {
  if (constant !== undefined) return String(constant);
  if (choices !== undefined) return choices.map(String).join(', ');
  return NAMES[type] ?? 'something else';
}

export function fitsType({ type }: FormSchema, value: unknown): boolean {
  if (Array.isArray(value)) return type === 'array';
  if (typeof value === 'number') return type === 'number' || type === 'integer';
  return typeof value === type && value !== null;
}
