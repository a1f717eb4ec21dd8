import t from 'tap';
import { decideRotation } from '../../../auth-service/tokens/decide-rotation.js';

const settings = { graceMs: 10_000, lostResponseMs: 300_000 };
const family = { generation: 5, rotatedAtMs: 1_000_000 };
const decide = (presented: number, sinceRotationMs: number, changed = settings) =>
  decideRotation(presented, family, family.rotatedAtMs + sinceRotationMs, changed);

t.test('which refresh token gets what', async (t) => {
  t.equal(decide(5, 3_600_000), 'rotate', 'the current one, at any time');
  t.equal(decide(4, 0), 'repeat', 'its parent at once');
  t.equal(decide(4, 10_000), 'repeat', 'within the grace window');
  t.equal(decide(4, 300_000), 'repeat', 'and within the time for a lost response');
  t.equal(decide(4, 300_001), 'reuse', 'not after it');
  t.equal(decide(3, 0), 'reuse', 'a grandparent never');
  t.equal(decide(6, 0), 'reuse', 'nor one that was never handed out');
  t.equal(decideRotation(0, { generation: 1, rotatedAtMs: undefined }, 0, settings), 'reuse');
});

t.test('either time can be turned off', async (t) => {
  const graceOnly = { graceMs: 10_000, lostResponseMs: 0 };
  t.equal(decide(4, 10_000, graceOnly), 'repeat');
  t.equal(decide(4, 10_001, graceOnly), 'reuse');
  t.equal(decide(4, 1, { graceMs: 0, lostResponseMs: 0 }), 'reuse');
});
