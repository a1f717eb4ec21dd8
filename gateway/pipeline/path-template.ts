import { Problem } from '../../contracts/problem.js';
import { canonicalPath } from './canonical-path.js';

/**
 * A path made of fixed text and of segments of the request's own path, counted from 1: one of them, or all from one
 * on. Each stands as a segment of its own.
 */
export type PathTemplate = readonly (string | { segment: number } | { from: number })[];

/**
 * The template filled from a canonical path: segments go in encoded exactly as they were decided on. What comes out is
 * canonical too, or the request is refused: an empty parameter would leave `//`, which is another path to some servers.
 */
export function fillTemplate(template: PathTemplate, path: string): string {
  const segments = path.split('/');
  let filled = '';
  for (const part of template) {
    if (typeof part === 'string') filled += part;
    else if ('segment' in part) filled += segments[part.segment] ?? '';
    else filled += segments.slice(part.from).join('/');
  }
  if (canonicalPath(filled, '').path !== filled) throw new Problem('path_invalid');
  return filled;
}
