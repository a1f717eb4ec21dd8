import { Problem } from '../../contracts/problem.js';
import { headerValues } from './headers.js';
import type { Forwardable } from './states.js';

/** A body that says it is too large is refused before any of it is read; the others are cut off at the limit. */
export function checkDeclaredLength({ request, route }: Forwardable): void {
  if (Number(headerValues(request.headers, 'content-length')[0] ?? 0) > route.maxBodyBytes)
    throw new Problem('body_too_large', { headers: { connection: 'close' } });
}
