import { type Document, isAlias, isCollection, isMap, isScalar, isSeq, type Node } from 'yaml';
import type { ConfigPath } from './config-problem.js';
import type { Range } from './source-text.js';

export function rangeOfNode(node: unknown): Range {
  const [start = 0, end = start] = (node as Node | undefined)?.range ?? [];
  return { start, end };
}

/**
 * Of the value at `path`, or its key where it is asked for, or where the value is a list or a map. When nothing is there,
 * of the nearest parent.
 */
export function locate(document: Document, path: ConfigPath, part: 'key' | 'value'): Range {
  for (let length = path.length; length > 0; length--) {
    const parent = nodeAt(document, path.slice(0, length - 1));
    const step = String(path[length - 1]);
    if (isMap(parent)) {
      const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === step);
      if (pair === undefined) continue;
      const { key, value } = pair;
      const wantsValue =
        part === 'value' && length === path.length && !isEmpty(value) && !isCollection(value);
      return rangeOfNode(wantsValue ? value : key);
    }
    if (isSeq(parent) && parent.items[Number(step)] !== undefined) return startOf(parent.items[Number(step)]);
  }
  return { start: 0, end: 0 };
}

function nodeAt(document: Document, path: ConfigPath): unknown {
  let node: unknown = document.contents;
  for (const step of path) {
    const at = isAlias(node) ? node.resolve(document) : node;
    if (isMap(at))
      node = at.items.find(({ key }) => isScalar(key) && String(key.value) === String(step))?.value;
    else if (isSeq(at)) node = at.items[Number(step)];
    else return undefined;
  }
  return isAlias(node) ? node.resolve(document) : node;
}

/** An item of a list that is a list or a map is marked at its first key, or its bracket. */
function startOf(item: unknown): Range {
  const range = rangeOfNode(item);
  if (isMap(item) && item.flow !== true && item.items[0] !== undefined) return rangeOfNode(item.items[0].key);
  return isCollection(item) ? { start: range.start, end: range.start + 1 } : range;
}

const isEmpty = (value: unknown): boolean =>
  value === null || value === undefined || (isScalar(value) && value.value === null && value.source === '');
