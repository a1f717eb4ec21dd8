/** The example app in a browser, from the side of those who would like to have what is in it. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { REFRESH_COOKIE } from '../../contracts/auth-api.js';
import { needsChromium } from '../fixtures/chromium.js';
import { findInPage } from '../fixtures/find-in-page.js';
import { order, ordersOf, signIn, startWebApp } from '../fixtures/web-app.js';

const REFRESH = 'POST /auth/refresh';

t.test('a page and what it keeps', needsChromium, async (t) => {
  const { front, visitor } = await startWebApp(t);

  t.test('no script finds a token: storage, cookies, globals, the document', async (t) => {
    const context = await visitor(t);
    const { page, answer } = await signIn(context);
    await order(page, 'tea');
    const refreshed = page.waitForResponse('**/auth/refresh');
    await page.reload();
    const { access_token: newer } = (await (await refreshed).json()) as typeof answer;
    await page.getByRole('listitem').filter({ hasText: 'tea' }).first().waitFor();
    const cookie = (await context.cookies()).find(({ name }) => name === REFRESH_COOKIE);
    t.match(cookie, { httpOnly: true, secure: true, sameSite: 'Strict' });
    const secrets = [answer.access_token, newer, cookie?.value ?? ''];
    t.ok(secrets.every((secret) => secret.length > 40));

    const { found, looked } = await findInPage(page, secrets);
    t.strictSame(found, []);
    t.ok(looked > 500, `${looked} objects`);
    await page.evaluate(`localStorage.setItem('a', ${JSON.stringify(`{"t":"${newer}"}`)});
      globalThis.deep = { down: [new Map([['x', { token: ${JSON.stringify(newer)} }]])] };`);
    const planted = await findInPage(page, secrets);
    t.strictSame(
      planted.found.sort(),
      ['localStorage', 'window.deep.down.0.<map>.token'],
      'it would be seen',
    );
  });

  const attacks = [
    ...['/auth/refresh', '/auth/logout', '/auth/logout-all'].flatMap((path) =>
      ['form', 'text', 'fetch'].map((how) => ({ path, how })),
    ),
    { path: '/auth/login', how: 'text' },
  ];
  for (const [host, isSameSite] of [
    ['localhost', false],
    ['127.0.0.1', true],
  ] as const) {
    const name = isSameSite ? 'of the same site' : 'of another site';
    t.test(`a page ${name} can neither refresh nor log out, nor log in`, async (t) => {
      const context = await visitor(t);
      const { page } = await signIn(context);
      const elsewhere = `http://${host}:${await attackerOf(t, front.url)}`;
      const attacker = await context.newPage();
      for (const { path, how } of attacks) {
        const seen = front.requests.length;
        await attacker.goto(`${elsewhere}/?path=${path}&how=${how}`);
        await attacker.waitForFunction('document.title === "done" || location.pathname !== "/"');
        const sent = front.requests.slice(seen).find((request) => request.path === path);
        t.ok(sent && (sent.status ?? 0) >= 400, `${how} to ${path}: ${sent?.status}`);
        const cameAlong = sent?.headers.cookie?.includes(REFRESH_COOKIE) === true;
        t.equal(cameAlong, isSameSite, 'SameSite is half of it, the Origin the other half');
      }
      await page.reload();
      await ordersOf(page).waitFor();
      t.equal(front.requests.findLast((request) => `POST ${request.path}` === REFRESH)?.status, 200);
    });
  }

  t.test('the policy holds: nothing of the page breaks it, nothing injected runs', async (t) => {
    const context = await visitor(t);
    await context.addInitScript(`
      globalThis.violations = [];
      document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) =>
        globalThis.violations.push(effectiveDirective));`);
    const violations = (page: Page) => page.evaluate('globalThis.violations') as Promise<string[]>;
    const { page } = await signIn(context);
    await order(page, 'tea & <b>biscuits</b>');
    for (const view of ['Events', 'Sessions']) await page.getByRole('link', { name: view }).click();
    await page.getByRole('button', { name: 'Sign out everywhere' }).click();
    t.strictSame(await violations(page), []);

    const evil = `http://localhost:${await attackerOf(t, front.url)}`;
    front.injected = `<script>ran = 1</script><script src="${evil}/evil.js"></script>
      <img src="x" onerror="ran = 1"><style>body { display: none }</style><base href="${evil}">
      <iframe src="${evil}"></iframe><link rel="stylesheet" href="${evil}/evil.css">`;
    t.teardown(() => {
      front.injected = '';
    });
    const tab = await context.newPage();
    await tab.goto('/');
    await ordersOf(tab).waitFor();
    t.equal(await tab.evaluate('typeof ran'), 'undefined');
    const refused = [...new Set(await violations(tab))].sort();
    t.strictSame(refused, [
      ...['base-uri', 'frame-src', 'script-src-attr', 'script-src-elem', 'style-src-elem'],
    ]);
    const assigned = tab.evaluate('document.body.innerHTML = "<img>"');
    await t.rejects(assigned, /TrustedHTML/, 'markup out of a string is an error');
    const framed = await context.newPage();
    await framed.goto(`${evil}/?frame=${front.url}`);
    await framed.waitForFunction('document.title === "done"');
    t.equal(framed.frames()[1]?.url(), 'chrome-error://chromewebdata/', 'nobody frames it');
  });
});

/** Somebody else's server; the port. Its page attacks at once, and says `done` where it has not gone there itself. */
async function attackerOf(t: Test, target: string): Promise<number> {
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? '', 'http://x').searchParams;
    response.setHeader('content-type', 'text/html');
    response.end(query.has('frame') ? framing(query.get('frame') ?? '') : attack(target, query));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

const framing = (url: string): string => `<iframe src="${url}" onload="document.title = 'done'"></iframe>`;

/** A form as any page can send one, one whose body reads as JSON, and what fetch sends without asking first. */
function attack(target: string, query: URLSearchParams): string {
  const url = `${target}${query.get('path')}`;
  const json =
    '{"email":"demo@gatehouse.test","password":"demo-password-please-change","delivery":"cookie","x":"';
  switch (query.get('how')) {
    case 'form':
      return `<form method="post" action="${url}"></form><script>document.forms[0].submit()</script>`;
    case 'text':
      return `<form method="post" enctype="text/plain" action="${url}"><input name='${json}' value='"}'></form>
        <script>document.forms[0].submit()</script>`;
    default:
      return `<script>fetch('${url}', { method: 'POST', mode: 'no-cors', credentials: 'include' })
        .finally(() => { document.title = 'done'; })</script>`;
  }
}
