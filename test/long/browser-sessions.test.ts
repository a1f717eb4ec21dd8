import t from 'tap';
import { needsChromium } from '../fixtures/chromium.js';
import { signIn, startWebApp } from '../fixtures/web-app.js';

t.test('a person with several sessions', needsChromium, async (t) => {
  const { visitor } = await startWebApp(t);

  t.test('one of two sessions is ended from the other, and all from either', async (t) => {
    const { page: here } = await signIn(await visitor(t));
    const { page: there } = await signIn(
      await visitor(t, { userAgent: 'Mozilla/5.0 (Windows NT 10.0; rv:150.0) Gecko/20100101 Firefox/150.0' }),
    );
    await here.getByRole('link', { name: 'Sessions' }).click();
    const entry = here.getByRole('listitem').filter({ hasText: 'Firefox on Windows' });
    await entry.getByRole('button', { name: 'Sign out' }).click();
    await here.getByText('Firefox on Windows is signed out').waitFor();
    await there.getByRole('heading', { name: 'You were signed out' }).waitFor();
    t.equal(await entry.count(), 0);

    const { page: third } = await signIn(await visitor(t));
    await here.getByRole('button', { name: 'Sign out everywhere' }).click();
    await here.getByRole('dialog').getByRole('button', { name: 'Sign out everywhere' }).click();
    await here.getByText('You are signed out.').waitFor();
    await third.getByRole('heading', { name: 'You were signed out' }).waitFor();
  });
});
