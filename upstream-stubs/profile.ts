import type { StubServer } from './create-server.js';

/** Answers whom the gateway says is calling. */
export function addProfile(app: StubServer): void {
  app.get('/api/profile', ({ identity }) => identity);
}
