import t from 'tap';
import { compareExplanations } from '../../../fixtures/explain-agreement.js';

const SEED = 20_261_125;

t.test('200 generated requests: explain says what the gateway then does', async (t) => {
  const { verdicts, differences } = await compareExplanations(t, SEED, 200);
  t.strictSame(differences.slice(0, 3), []);
  t.ok((verdicts['forwarded'] ?? 0) >= 20, JSON.stringify(verdicts));
  t.ok((verdicts['rate_limited'] ?? 0) > 0, 'and by what somebody is counted');
  t.ok(Object.keys(verdicts).length >= 12, JSON.stringify(verdicts));
});
