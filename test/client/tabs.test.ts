import t from 'tap';
import { Session } from '../../client/session.js';
import type { TabHost } from '../../client/tabs.js';
import { fakeGateway, ORIGIN, problem } from '../fixtures/fake-gateway.js';
import { fakeTabs } from '../fixtures/fake-tabs.js';

/** One page with the session's cookie, which the browser sends along by itself. */
function page(gateway: ReturnType<typeof fakeGateway>, host: TabHost) {
  const reasons: string[] = [];
  const session = new Session({
    origin: ORIGIN,
    fetch: gateway.fetch,
    now: () => 1_000_000,
    store: undefined,
    host,
    onToken: (_token, reason) => reasons.push(reason),
  });
  return { session, reasons };
}

t.test('eight tabs that wake at once make one refresh', async (t) => {
  const gateway = fakeGateway();
  const tabs = fakeTabs();
  const pages = Array.from({ length: 8 }, () => page(gateway, tabs.tab()));
  const tokens = await Promise.all(pages.map(({ session }) => session.token()));
  t.equal(new Set(tokens).size, 1);
  t.type(tokens[0], 'string');
  t.equal(gateway.callsOf('/auth/refresh').length, 1);
});

t.test('a tab that is killed in mid-refresh logs nobody out', async (t) => {
  const gateway = fakeGateway();
  const tabs = fakeTabs();
  let killed = false;
  gateway.answers.set('/auth/refresh', () => {
    if (killed) return undefined;
    killed = true;
    throw new TypeError('the page is gone');
  });
  const [first, second] = [page(gateway, tabs.tab()), page(gateway, tabs.tab())];
  await Promise.all([
    t.rejects(first.session.token(), { code: 'network_error' }),
    t.resolves(second.session.token()),
  ]);
  t.strictSame(second.reasons, ['refreshed']);
});

t.test('logout in one tab shows in all', async (t) => {
  const gateway = fakeGateway();
  const tabs = fakeTabs();
  const pages = Array.from({ length: 3 }, () => page(gateway, tabs.tab()));
  await Promise.all(pages.map(({ session }) => session.token()));
  await pages[0]?.session.end('logout');
  while (pages.some(({ reasons }) => reasons.at(-1) !== 'logout')) await new Promise(setImmediate);
  for (const { session, reasons } of pages) {
    t.equal(reasons.at(-1), 'logout');
    t.equal(await session.token(), undefined);
  }
});

t.test('a session that has ended ends in every tab, told once by the auth service', async (t) => {
  const gateway = fakeGateway();
  const tabs = fakeTabs();
  const pages = Array.from({ length: 4 }, () => page(gateway, tabs.tab()));
  await Promise.all(pages.map(({ session }) => session.token()));
  gateway.answers.set('/auth/refresh', () => problem(401, 'session_revoked'));
  const refused = pages[0]?.session.current?.text ?? '';
  await Promise.all(pages.map(({ session }) => session.replace(refused)));
  for (const { reasons } of pages) t.equal(reasons.at(-1), 'session_revoked');
  t.equal(gateway.callsOf('/auth/refresh').length, 2);
});

t.test('an old token that is still on its way ends nobody’s wait for a new one', async (t) => {
  const gateway = fakeGateway();
  const tabs = fakeTabs();
  const pages = [page(gateway, tabs.tab()), page(gateway, tabs.tab())];
  await Promise.all(pages.map(({ session }) => session.token()));
  const old = tabs.messages.find(({ type }) => type === 'token');
  const Channel = tabs.tab().BroadcastChannel;
  const late = Channel === undefined ? undefined : new Channel('late');
  gateway.answers.set('/auth/refresh', () => {
    setImmediate(() => old === undefined || late?.postMessage(old));
    return problem(401, 'session_revoked');
  });
  const refused = pages[0]?.session.current?.text ?? '';
  // The other one's end of the session comes after the old token.
  tabs.delaySignedOut(20);
  await Promise.all(pages.map(({ session }) => session.replace(refused)));
  t.equal(gateway.callsOf('/auth/refresh').length, 2);
  t.strictSame(
    pages.map(({ reasons }) => reasons.at(-1)),
    ['session_revoked', 'session_revoked'],
  );
});

t.test('without locks and channels each tab looks after itself', async (t) => {
  const gateway = fakeGateway();
  const pages = [page(gateway, {}), page(gateway, {})];
  const tokens = await Promise.all(pages.map(({ session }) => session.token()));
  t.ok(tokens.every((token) => typeof token === 'string'));
  t.equal(gateway.callsOf('/auth/refresh').length, 2);
});

t.test(
  'no token stands in a lock’s or channel’s name, and what tabs tell each other is in memory',
  async (t) => {
    const gateway = fakeGateway();
    const tabs = fakeTabs();
    await page(gateway, tabs.tab()).session.token();
    t.strictSame(
      tabs.messages.map(({ type }) => type),
      ['token'],
    );
  },
);
