const PARAMETER = /^\{([^{}]+)\}$/;

/** The path of a route for a path of the document, or why there can be none. */
export function pathPattern(path: string): { pattern: string } | { fault: string } {
  const names = new Set<string>();
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    const [, name] = PARAMETER.exec(segment) ?? [];
    if (name === undefined && /[{}]/.test(segment))
      return { fault: `"${segment}" holds a parameter: in a route a parameter is a whole segment` };
    if (name === undefined && /^[:*]/.test(segment))
      return { fault: `"${segment}" would be a parameter or a wildcard in a route` };
    segments.push(name === undefined ? segment : `:${uniqueName(name, names)}`);
  }
  return { pattern: segments.join('/') };
}

/** Names of parameters have letters, digits and `_`, and begin with a letter. */
function uniqueName(name: string, taken: Set<string>): string {
  const base = name.replaceAll(/[^A-Za-z0-9_]/g, '_').replace(/^(?![A-Za-z])/, 'p');
  let unique = base;
  for (let count = 2; taken.has(unique); count++) unique = `${base}_${count}`;
  taken.add(unique);
  return unique;
}
