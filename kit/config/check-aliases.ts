import { type Alias, type Document, isAlias, isNode, visit } from 'yaml';

/** Aliases that cannot be resolved: without an anchor above them, or within their own. */
export function wrongAliases(document: Document): { alias: Alias; message: string }[] {
  const wrong: { alias: Alias; message: string }[] = [];
  visit(document, {
    Alias(_, alias, path) {
      const target = alias.resolve(document);
      if (target === undefined)
        wrong.push({
          alias,
          message: `there is no anchor &${alias.source} above: define it, or write the value out`,
        });
      else if (path.some((parent) => isNode(parent) && parent === target))
        wrong.push({ alias, message: `*${alias.source} stands within its own anchor: write the value out` });
    },
  });
  return wrong;
}

/** For what is wrong with all of them together. */
export function firstAlias(document: Document): Alias | undefined {
  let first: Alias | undefined;
  visit(document, (_, node) => {
    if (!isAlias(node)) return undefined;
    first = node;
    return visit.BREAK;
  });
  return first;
}
