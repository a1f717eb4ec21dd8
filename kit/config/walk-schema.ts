import { type Document, isAlias, isMap, isNode, isScalar, isSeq, type Node } from 'yaml';

interface SchemaNode {
  properties?: Record<string, SchemaNode>;
  patternProperties?: Record<string, SchemaNode>;
  items?: SchemaNode;
  anyOf?: SchemaNode[];
  type?: string;
  writeOnly?: boolean;
}

/** Calls `visit` once with every node where the schema has a secret (`writeOnly`). */
export function forEachSecret(document: Document, schema: object, visit: (node: Node) => void): void {
  forEachNode(document, schema, ({ writeOnly }) => writeOnly === true, visit);
}

/** Likewise where the schema has a number, or true or false. */
export function forEachNumberOrSwitch(document: Document, schema: object, visit: (node: Node) => void): void {
  forEachNode(document, schema, ({ type = '' }) => ['integer', 'number', 'boolean'].includes(type), visit);
}

function forEachNode(
  document: Document,
  schema: object,
  isMeant: (at: SchemaNode) => boolean,
  visit: (node: Node) => void,
): void {
  const visited = new Set<Node>();
  const walk = (node: unknown, at: SchemaNode): void => {
    const target = isAlias(node) ? node.resolve(document) : node;
    if (isNode(target) && isMeant(at) && !visited.has(target)) {
      visited.add(target);
      visit(target);
    }
    if (isSeq(target) && at.items !== undefined) for (const item of target.items) walk(item, at.items);
    if (isMap(target)) {
      for (const { key, value } of target.items) {
        const below = schemaOf(at, isScalar(key) ? String(key.value) : '');
        if (below !== undefined) walk(value, below);
      }
    }
    for (const branch of at.anyOf ?? []) walk(target, branch);
  };
  walk(document.contents, schema as SchemaNode);
}

/** The names of all settings, wherever they stand: of secrets, and of those that are never one. */
export function settingNames(schema: object): { secret: ReadonlySet<string>; plain: ReadonlySet<string> } {
  const [secret, all] = [new Set<string>(), new Set<string>()];
  const walk = (node: SchemaNode): void => {
    for (const [name, below] of Object.entries(node.properties ?? {})) {
      (below.writeOnly === true ? secret : all).add(name);
      walk(below);
    }
    for (const below of [...Object.values(node.patternProperties ?? {}), ...(node.anyOf ?? [])]) walk(below);
    if (node.items !== undefined) walk(node.items);
  };
  walk(schema as SchemaNode);
  return { secret, plain: new Set([...all].filter((name) => !secret.has(name))) };
}

function schemaOf(
  { properties = {}, patternProperties = {} }: SchemaNode,
  key: string,
): SchemaNode | undefined {
  if (Object.hasOwn(properties, key)) return properties[key];
  return Object.values(patternProperties)[0];
}
