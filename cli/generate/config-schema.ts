/** `config/schema/gateway.schema.json`, for editors, from the schema that the gateway itself checks its config with. */

type JsonSchema = Readonly<Record<string, unknown>>;

const PLACEHOLDER = { $ref: '#/definitions/placeholder' };

/**
 * A JSON Schema for the file as it is written, before the environment is put in: wherever a form is demanded (number,
 * boolean, pattern, one of a list), `${NAME}` and `${NAME:-default}` will do too. Draft 7, which every editor knows.
 */
export function configFileSchema(schema: object): JsonSchema {
  const { $id, title, ...rest } = schema as JsonSchema;
  const { type, properties, ...constraints } = allowPlaceholders(rest);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    $id,
    title,
    type,
    definitions: {
      placeholder: {
        description: 'taken from the environment, or the default behind ":-"',
        type: 'string',
        pattern: '\\$\\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\\}',
      },
    },
    properties,
    ...constraints,
  };
}

function allowPlaceholders(schema: JsonSchema): JsonSchema {
  const { description, ...form } = schema;
  const choices = literalChoices(schema);
  if (choices !== undefined) return describe(description, { anyOf: [{ enum: choices }, PLACEHOLDER] });
  if (demandsForm(schema)) return describe(description, { anyOf: [form, PLACEHOLDER] });
  return Object.fromEntries(
    Object.entries(schema).map(([keyword, value]) => [keyword, inKeyword(keyword, value)]),
  );
}

/** Schemas stand below these keywords, alone, in a list or by name; below all others stands data. */
function inKeyword(keyword: string, value: unknown): unknown {
  if (keyword === 'items') return allowPlaceholders(value as JsonSchema);
  if (keyword === 'anyOf') return (value as JsonSchema[]).map(allowPlaceholders);
  if (keyword !== 'properties' && keyword !== 'patternProperties') return value;
  return Object.fromEntries(
    Object.entries(value as Record<string, JsonSchema>).map(([name, schema]) => [
      name,
      allowPlaceholders(schema),
    ]),
  );
}

function literalChoices({ anyOf }: JsonSchema): unknown[] | undefined {
  if (!Array.isArray(anyOf)) return undefined;
  const members = anyOf as JsonSchema[];
  return members.every((member) => 'const' in member) ? members.map((member) => member['const']) : undefined;
}

const demandsForm = ({ type, pattern, enum: choices }: JsonSchema): boolean =>
  type === 'integer' ||
  type === 'number' ||
  type === 'boolean' ||
  (type === 'string' && pattern !== undefined) ||
  choices !== undefined;

const describe = (description: unknown, schema: JsonSchema): JsonSchema =>
  description === undefined ? schema : { description, ...schema };
