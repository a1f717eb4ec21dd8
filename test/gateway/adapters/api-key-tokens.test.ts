import t from 'tap';
import type { ApiKeyExchange } from '../../../contracts/auth-api.js';
import type { Problem } from '../../../contracts/problem.js';
import { ApiKeyTokens } from '../../../gateway/adapters/api-key-tokens.js';
import { createLogger } from '../../../kit/logger.js';
import { fakeClock } from '../../fixtures/fake-clock.js';

/** Time and answers by hand. */
function setUp() {
  const clock = fakeClock();
  const logs: string[] = [];
  const asked: {
    key: string;
    signal: AbortSignal;
    reply: (answer: ApiKeyExchange | undefined | Error) => void;
  }[] = [];
  const tokens = new ApiKeyTokens({
    clock,
    logger: createLogger('test', { destination: { write: (line) => void logs.push(line) } }),
    exchange: (key, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
        asked.push({
          key,
          signal,
          reply: (answer) => (answer instanceof Error ? reject(answer) : resolve(answer)),
        });
      }),
  });
  const discard = (key: string, text: string) => tokens.discard(key, text);
  const use = async (key: string, address = '10.0.0.1'): Promise<string> => {
    try {
      return await tokens.tokenFor(key, address);
    } catch (error) {
      return (error as Problem).code;
    }
  };
  const first = async (key: string, answer: ApiKeyExchange | undefined | Error, address?: string) => {
    const got = use(key, address);
    asked.at(-1)?.reply(answer);
    return got;
  };
  return { clock, logs, asked, use, first, discard };
}

const token = (access_token: string): ApiKeyExchange => ({ access_token, expires_in: 600 });

t.test('renewed in the background once 80 % of its time is over, while the old token serves', async (t) => {
  const { clock, asked, use, first } = setUp();
  t.equal(await first('k', token('one')), 'one');
  await clock.advance(479_000);
  t.equal(await use('k'), 'one');
  t.equal(asked.length, 1);
  await clock.advance(1000);
  t.equal(await use('k'), 'one', 'not waited for');
  t.equal(await use('k'), 'one');
  t.equal(asked.length, 2, 'one renewal at a time');
  asked.at(-1)?.reply(token('two'));
  await clock.advance(0);
  t.equal(await use('k'), 'two');
});

t.test('a renewal that fails is tried again, and the token serves to its end', async (t) => {
  const { clock, asked, use, first, logs } = setUp();
  await first('k', token('one'));
  await clock.advance(480_000);
  await use('k');
  asked.at(-1)?.reply(new Error('down'));
  await clock.advance(0);
  t.equal(await use('k'), 'one');
  t.equal(asked.length, 2, 'not at once');
  await clock.advance(1000);
  t.equal(await use('k'), 'one');
  t.equal(asked.length, 3);
  t.match(logs.join(''), /could not be renewed/);
  await clock.advance(119_000);
  const ended = use('k');
  await clock.advance(2000);
  t.equal(await ended, 'api_key_unverified', 'after its end nothing serves');
});

t.test('a key that has ended meanwhile is gone at once', async (t) => {
  const { clock, asked, use, first } = setUp();
  await first('k', token('one'));
  await clock.advance(480_000);
  await use('k');
  asked.at(-1)?.reply(undefined);
  await clock.advance(0);
  t.equal(await use('k'), 'api_key_invalid');
});

t.test('an unknown key is remembered for a minute', async (t) => {
  const { clock, asked, use, first } = setUp();
  t.equal(await first('k', undefined), 'api_key_invalid');
  await clock.advance(59_999);
  t.equal(await use('k'), 'api_key_invalid');
  t.equal(asked.length, 1);
  await clock.advance(1);
  t.equal(await first('k', token('now there is one')), 'now there is one');
});

t.test('all who ask for a new key wait for one answer, two seconds at most', async (t) => {
  const { clock, asked, use } = setUp();
  const waiting = [use('k'), use('k', '10.0.0.2')];
  t.equal(asked.length, 1);
  await clock.advance(2000);
  t.same(await Promise.all(waiting), ['api_key_unverified', 'api_key_unverified']);
  t.equal(asked[0]?.signal.aborted, true);
  t.equal(clock.pendingTimers, 0);
});

t.test('an address has thirty unknown keys a minute; good keys and outages cost nothing', async (t) => {
  const { clock, asked, use, first } = setUp();
  for (let n = 0; n < 50; n++) t.equal(await first(`good-${n}`, token('good')), 'good');
  for (let n = 0; n < 50; n++) t.equal(await first(`down-${n}`, new Error('down')), 'api_key_unverified');
  for (let n = 0; n < 30; n++) t.equal(await first(`bad-${n}`, undefined), 'api_key_invalid');
  const before = asked.length;
  t.equal(await use('bad-30'), 'rate_limited');
  t.equal(asked.length, before, 'nobody is asked');
  t.equal(await use('good-1'), 'good', 'a known key is not held up');
  t.equal(await first('elsewhere', token('good'), '10.0.0.2'), 'good', 'nor is another address');
  await clock.advance(2000);
  t.equal(await first('bad-31', undefined), 'api_key_invalid', 'one more every two seconds');
});

t.test('no more than 64 questions at once', async (t) => {
  const { asked, use } = setUp();
  for (let n = 0; n < 64; n++) void use(`k${n}`, `10.0.1.${n}`);
  t.equal(await use('k64', '10.0.2.1'), 'overloaded');
  t.equal(asked.length, 64);
  for (const { reply } of asked) reply(undefined);
});

t.test('a token that was refused is let go of, but not one that has only just come', async (t) => {
  const { clock, asked, use, first, discard } = setUp();
  t.equal(await first('k', token('one')), 'one');
  await clock.advance(999);
  t.equal(discard('k', 'one'), false);
  t.equal(await use('k'), 'one');
  await clock.advance(1);
  t.equal(discard('k', 'one'), true);
  t.equal(await first('k', token('two')), 'two');
  t.equal(asked.length, 2);
  t.equal(discard('k', 'one'), true, 'whoever comes later finds the new one');
  t.equal(await use('k'), 'two');
  t.equal(asked.length, 2);
});
