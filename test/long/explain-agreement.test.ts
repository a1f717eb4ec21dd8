import t from 'tap';
import { compareExplanations } from '../fixtures/explain-agreement.js';

const seed = Number(process.env['EXPLAIN_SEED'] ?? Date.now() % 2 ** 32);

/** Past the reporter, which keeps the comments of tests that pass to itself. */
const report = (line: string) => process.stderr.write(`${line}\n`);

t.test(
  `2,000 generated requests (EXPLAIN_SEED=${seed}): explain says what the gateway then does`,
  async (t) => {
    report(`EXPLAIN_SEED=${seed} makes the same requests again`);
    const { verdicts, differences } = await compareExplanations(t, seed, 2000);
    report(JSON.stringify(verdicts));
    t.strictSame(differences.slice(0, 5), []);
    t.ok((verdicts['forwarded'] ?? 0) >= 200, JSON.stringify(verdicts));
    t.ok((verdicts['rate_limited'] ?? 0) >= 10, JSON.stringify(verdicts));
  },
);
