import t from 'tap';
import { fuzzTokens } from '../fixtures/token-fuzz.js';

const MUTANTS = 200_000;

const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 32);

/** Past the reporter, which keeps the comments of tests that pass to itself. */
const report = (line: string) => process.stderr.write(`${line}\n`);

t.test(
  `200,000 mutated tokens (FUZZ_SEED=${seed}): none gets in, and each that jose would let in is on a rule`,
  async (t) => {
    report(`FUZZ_SEED=${seed} makes the same mutations again`);
    const { mutants, refused, stricter, faults } = await fuzzTokens(t, seed, MUTANTS);
    report(`${mutants} mutants; refused: ${JSON.stringify(refused)}`);
    report(`refused here, accepted by jose: ${JSON.stringify(stricter, null, 2)}`);
    t.strictSame(faults.slice(0, 20), []);
    const total = Object.values(refused).reduce((sum, count) => sum + count, 0);
    t.equal(total, MUTANTS);
    t.notOk('accepted' in refused);
  },
);
