import { fillTemplate } from './path-template.js';
import type { OwnAnswer } from './ports.js';
import type { Admitted } from './states.js';

/** A redirect or a fixed reply, to whoever the route admits. Undefined where an upstream answers. */
export function answerRoute({ route, path, query }: Admitted): OwnAnswer | undefined {
  switch (route.kind) {
    case 'forward':
      return undefined;
    case 'reply':
      return route.answer;
    case 'redirect': {
      const { origin, template, suffix } = route.location;
      const location = origin + fillTemplate(template, path) + (suffix ?? query);
      return { ...route.answer, headers: [...route.answer.headers, 'location', location] };
    }
  }
}
