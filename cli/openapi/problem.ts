import { StartupError } from '../../kit/startup-error.js';

/** A document, or a part of one, as parsed: nothing is known of its form. */
export type Node = Readonly<Record<string, unknown>>;

/** Why nothing can be made of the document. */
export const unusable = (where: string, message: string): StartupError =>
  new StartupError(`${where}: ${message}`);

/** A map of the document. Absent is empty; anything else is a fault of the document's. */
export function mapAt(value: unknown, where: string): Node {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw unusable(where, 'has to be a map');
  return value as Node;
}

export function listAt(value: unknown, where: string): readonly unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw unusable(where, 'has to be a list');
  return value;
}

/** A member by name. Names come from the document: `constructor` is none unless it is there. */
export const member = (map: Node, name: string): unknown =>
  Object.hasOwn(map, name) ? map[name] : undefined;
