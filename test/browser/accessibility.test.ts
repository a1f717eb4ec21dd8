/** The example app in a browser, by keyboard alone, and as a screen reader gets it. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { BrowserContextOptions, Page } from 'playwright-core';
import t from 'tap';
import { DEMO_ACCOUNTS } from '../../embedded/demo-accounts.js';
import { needsChromium } from '../fixtures/chromium.js';
import { order, ordersOf, signIn, startWebApp } from '../fixtures/web-app.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Rules of WCAG 2.2 A and AA and of good practice that the page breaks as it is now, with the elements. */
async function breaches(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate<AxeResults>('axe.run()');
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

/** Role and name of what has the focus, and whether that can be seen. */
const focused = (page: Page): Promise<string> =>
  page.evaluate(`(() => {
    const { activeElement: element } = document;
    const seen = element.tagName === 'H1' || getComputedStyle(element).outlineStyle !== 'none';
    const label = element.labels?.[0]?.textContent ?? element.textContent.trim();
    return element.tagName.toLowerCase() + ' ' + label + (seen ? '' : ' (unseen)');
  })()`);

async function tab(page: Page, times: number): Promise<string[]> {
  const stops: string[] = [];
  for (let time = 0; time < times; time++) {
    await page.keyboard.press('Tab');
    stops.push(await focused(page));
  }
  return stops;
}

t.test('a page for everybody', needsChromium, async (t) => {
  const { visitor, revoke } = await startWebApp(t);

  t.test('all of it works by keyboard, and the focus goes where things happen', async (t) => {
    const page = await (await visitor(t)).newPage();
    await page.goto('/');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    t.strictSame(await tab(page, 5), [
      'input E-mail address',
      'input Password',
      'button Sign in',
      'button Demo userdemo@gatehouse.testFill in',
      'button Administratoradmin@gatehouse.testFill in',
    ]);
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Enter');
    t.equal(await focused(page), 'input Password');
    await page.keyboard.press('Enter');
    await ordersOf(page).waitFor();
    t.equal(await focused(page), 'h1 Orders');

    t.strictSame(await tab(page, 2), ['input Item', 'input Quantity']);
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.type('tea by keyboard');
    await page.keyboard.press('Enter');
    await page.getByRole('status').filter({ hasText: 'Ordered: 1 × tea by keyboard' }).waitFor();
    t.equal(await focused(page), 'input Item', 'ready for the next');

    await page.getByRole('link', { name: 'Orders' }).focus();
    t.strictSame(await tab(page, 2), ['a Events', 'a Sessions']);
    await page.keyboard.press('Enter');
    await page.getByText('This browser').waitFor();
    t.equal(await focused(page), 'h1 Sessions');
    t.strictSame(await tab(page, 1), ['button Sign out everywhere']);
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Sign out everywhere?' }).waitFor();
    t.equal(await focused(page), 'button Cancel', 'nothing is ended by one key too many');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    t.equal(await focused(page), 'button Sign out everywhere', 'back where one was');
  });

  t.test('a screen reader is told who, where and what happened', async (t) => {
    const context = await visitor(t);
    const { page, answer } = await signIn(context);
    await page.getByText('Live', { exact: true }).waitFor();
    t.equal(await page.title(), 'Orders · Gatehouse');
    const frame = await page.getByRole('banner').ariaSnapshot();
    t.equal(
      frame,
      [
        '- banner:',
        '  - text: Gatehouse',
        '  - navigation "Views":',
        '    - link "Orders":',
        '      - /url: "#orders"',
        '    - link "Events":',
        '      - /url: "#events"',
        '    - link "Sessions":',
        '      - /url: "#sessions"',
        '  - status "Connection": Live',
        '  - button "Sign out"',
      ].join('\n'),
    );
    t.equal(await page.getByRole('link', { name: 'Orders' }).getAttribute('aria-current'), 'page');

    await page.getByRole('link', { name: 'Events' }).click();
    const log = page.getByRole('log', { name: 'Stream' });
    await log.getByRole('listitem').first().waitFor();
    t.equal(await log.getAttribute('aria-live'), 'off', 'one a second would drown everything else');
    await page.getByRole('checkbox', { name: 'Read out' }).check();
    t.equal(await log.getAttribute('aria-live'), 'polite');
    await page.getByRole('button', { name: 'Pause' }).click();
    t.equal(await page.getByRole('button', { name: 'Pause' }).getAttribute('aria-pressed'), 'true');

    await page.getByRole('link', { name: 'Sessions' }).click();
    const own = page.getByRole('listitem').filter({ hasText: 'This browser' });
    const button = own.getByRole('button', { name: 'Sign out' });
    const describedBy = await button.getAttribute('aria-describedby');
    t.match(await page.locator(`[id="${describedBy}"]`).textContent(), 'Chrome on Linux');

    await revoke({ kind: 'session', sid: answer.session_id });
    const alert = page.getByRole('alert').filter({ hasText: 'You were signed out' });
    await alert.waitFor();
    t.equal(await focused(page), 'h1 You were signed out');
  });

  t.test('what goes wrong is said in words, with what support needs', async (t) => {
    const context = await visitor(t);
    const page = await context.newPage();
    await page.goto('/');
    await page.getByLabel('E-mail address').fill(DEMO_ACCOUNTS[0]?.email ?? '');
    await page.getByLabel('Password').fill('not this one');
    await page.keyboard.press('Enter');
    const alert = page.getByRole('alert').filter({ hasText: 'do not go together' });
    await alert.waitFor();
    t.match(await alert.textContent(), /invalid_credentials · request [0-9a-f-]{36}/);
    t.equal(await page.getByLabel('Password').getAttribute('aria-invalid'), 'true');
    t.strictSame(await breaches(page), []);

    await context.setOffline(true);
    await page.getByLabel('Password').fill(DEMO_ACCOUNTS[0]?.password ?? '');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'The gateway does not answer' }).waitFor();
    await context.setOffline(false);
    await page.keyboard.press('Enter');
    await ordersOf(page).waitFor();

    await page.route('**/auth/refresh', (route) => route.abort());
    await page.reload();
    await page.getByRole('heading', { name: 'No answer' }).waitFor();
    await page.getByText('You have not been signed out').waitFor();
    await page.unroute('**/auth/refresh');
    await page.getByRole('button', { name: 'Try again' }).click();
    await ordersOf(page).waitFor();
    t.pass('and it goes on when it can');
  });

  const looks: [string, BrowserContextOptions][] = [
    ['a small phone in the dark', { viewport: { width: 320, height: 640 }, colorScheme: 'dark' }],
    ['a desktop', { viewport: { width: 1280, height: 800 }, colorScheme: 'light' }],
  ];
  for (const [name, options] of looks) {
    t.test(`contrast, labels, structure and width hold on ${name}`, async (t) => {
      const context = await visitor(t, { ...options, reducedMotion: 'reduce' });
      const page = await context.newPage();
      await page.goto('/');
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      t.strictSame(await breaches(page), [], 'login');
      const { page: signedIn, answer } = await signIn(context);
      await checkViews(signedIn, answer.session_id, async (view) => {
        t.strictSame(await breaches(signedIn), [], view);
        const over = await signedIn.evaluate('document.documentElement.scrollWidth - innerWidth');
        t.equal(over, 0, `${view}: nothing sticks out`);
      });
    });
  }

  async function checkViews(page: Page, sid: string, check: (view: string) => Promise<void>): Promise<void> {
    await order(page, `tea for ${sid}, ${'and more of it, '.repeat(3)}${'x'.repeat(60)}`);
    await check('orders');
    await page.getByRole('link', { name: 'Events' }).click();
    await page.getByRole('log').getByRole('listitem').first().waitFor();
    await check('events');
    await page.getByRole('link', { name: 'Sessions' }).click();
    await page.getByText('This browser').waitFor();
    await check('sessions');
    await page.getByRole('button', { name: 'Sign out everywhere' }).click();
    await check('dialog');
    await revoke({ kind: 'session', sid });
    await page.getByRole('heading', { name: 'You were signed out' }).waitFor();
    await check('ended');
  }
});
