/** The example app in a browser: what keeps a session, what ends it, and in which tabs. */
import t from 'tap';
import { needsChromium } from '../fixtures/chromium.js';
import { order, ordersOf, signIn, startWebApp, wake } from '../fixtures/web-app.js';

const MINUTE_MS = 60_000;
const REFRESH = 'POST /auth/refresh';

t.test('a session in a browser', needsChromium, async (t) => {
  const { front, visitor, revoke } = await startWebApp(t);

  t.test('sign in, order, reload: still signed in', async (t) => {
    const { page } = await signIn(await visitor(t));
    await order(page, 'a pot of tea');
    await page.reload();
    await page.getByRole('listitem').filter({ hasText: 'a pot of tea' }).waitFor();
    t.pass('the session and the order are there');
  });

  t.test('eight tabs that wake at once make one refresh', async (t) => {
    const context = await visitor(t);
    const { page } = await signIn(context);
    const tabs = [page];
    while (tabs.length < 8) {
      const tab = await context.newPage();
      await tab.goto('/');
      await ordersOf(tab).waitFor();
      tabs.push(tab);
    }
    const before = front.count(REFRESH);
    await Promise.all(tabs.map((tab) => wake(tab, 20 * MINUTE_MS)));
    await Promise.all(tabs.map((tab, index) => order(tab, `tea for tab ${index}`)));
    t.equal(front.count(REFRESH) - before, 1);
  });

  t.test('a tab that is killed in mid-refresh logs nobody out', async (t) => {
    const context = await visitor(t);
    const { page: killed } = await signIn(context);
    const other = await context.newPage();
    await other.goto('/');
    await ordersOf(other).waitFor();
    const answered = front.loseAnswer(REFRESH);
    await wake(killed, 20 * MINUTE_MS);
    await answered;
    const crashed = killed.waitForEvent('crash');
    const debug = await context.newCDPSession(killed);
    debug.send('Page.crash').catch(() => undefined); // nobody is left to answer
    await crashed;
    await wake(other, 20 * MINUTE_MS);
    await order(other, 'tea after the crash');
    await other.reload();
    await ordersOf(other).waitFor();
    t.pass('the other tab goes on, and so does the session after a reload');
  });

  t.test('signing out in one tab shows in all', async (t) => {
    const context = await visitor(t);
    const { page } = await signIn(context);
    const others = [await context.newPage(), await context.newPage()];
    for (const other of others) {
      await other.goto('/#sessions');
      await other.getByText('This browser').waitFor();
    }
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('You are signed out.').waitFor();
    for (const other of others)
      await other.getByRole('heading', { name: 'You signed out in another tab' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    t.pass('and a reload finds nobody');
  });

  t.test('a session that an administrator revokes ends the page within five seconds', async (t) => {
    const { page, answer } = await signIn(await visitor(t));
    const { page: bystander } = await signIn(await visitor(t));
    await page.getByText('Live', { exact: true }).waitFor();
    t.equal((await revoke({ kind: 'session', sid: answer.session_id })).status, 200);
    const revokedAt = performance.now();
    await page.getByRole('heading', { name: 'You were signed out' }).waitFor({ timeout: 5000 });
    t.comment(`after ${Math.round(performance.now() - revokedAt)} ms`);
    await page.getByText('by an administrator').waitFor();
    await page.getByText('session_revoked').waitFor();
    await page.getByRole('button', { name: 'Sign in again' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await order(bystander, 'tea for somebody else');
    t.pass('nobody else has noticed');
  });

  t.test('one that was revoked while the page was closed says so when it opens', async (t) => {
    const context = await visitor(t);
    const { page, answer } = await signIn(context);
    await page.goto('about:blank');
    t.equal((await revoke({ kind: 'session', sid: answer.session_id })).status, 200);
    await page.goto('/');
    await page.getByRole('heading', { name: 'You were signed out' }).waitFor();
    await page.getByRole('button', { name: 'Sign in again' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    t.pass('and asks to sign in again');
  });

  for (const [name, minutes] of [
    ['ahead', 60],
    ['behind', -60],
  ] as const) {
    t.test(`a clock that is an hour ${name} does no harm`, async (t) => {
      const context = await visitor(t);
      await context.addInitScript(
        (ms) => (globalThis as unknown as { setClockBy(ms: number): void }).setClockBy(ms),
        minutes * MINUTE_MS,
      );
      const before = front.count(REFRESH);
      const { page } = await signIn(context);
      await order(page, `tea, clock ${name}`);
      await page.reload();
      await page
        .getByRole('listitem')
        .filter({ hasText: `clock ${name}` })
        .waitFor();
      await page.getByRole('button', { name: 'Refresh' }).click();
      await order(page, `more tea, clock ${name}`);
      t.equal(front.count(REFRESH) - before, 2, 'one for each time that the page came up');
    });
  }
});
