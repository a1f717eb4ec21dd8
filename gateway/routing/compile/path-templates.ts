import type { PathTemplate } from '../../pipeline/path-template.js';

/** `/v2/orders/:id`, filled from the segments of `pattern` by their place. */
export function compileTemplate(template: string, pattern: string): PathTemplate {
  const places = pattern.split('/');
  const parts: PathTemplate[number][] = [];
  let text = '';
  for (const segment of template.slice(1).split('/')) {
    text += '/';
    if (!segment.startsWith(':') && segment !== '*') {
      text += segment;
      continue;
    }
    const place = places.indexOf(segment);
    parts.push(text, segment === '*' ? { from: place } : { segment: place });
    text = '';
  }
  return text === '' ? parts : [...parts, text];
}

/** The path without its first segments. */
export function templateWithout(prefix: string): PathTemplate {
  return ['/', { from: prefix.split('/').length }];
}

/** `https://host/path?query` in its parts; no origin where it is a path alone, no suffix without a query. */
export function splitTarget(to: string): { origin: string; template: string; suffix: string | undefined } {
  const [, origin = '', path = '', suffix] = /^(https:\/\/[^/?]*)?([^?]*)(\?.*)?$/.exec(to) ?? [];
  return { origin, template: path === '' ? '/' : path, suffix };
}
