/** Those that start at once; Go and Java compile first, and are in test/long. */
import t from 'tap';
import { exampleConforms, installed } from '../fixtures/example-upstream.js';

const languages = installed(['nginx', 'python']);
t.comment(`installed: ${languages.join(', ') || 'none'}`);

for (const language of languages)
  t.test(`the service with ${language} conforms`, async (t) => {
    const { code, stdout } = await exampleConforms(t, language);
    t.match(stdout, /\n\d+ ok, 0 failed, 0 skipped\n$/);
    t.equal(code, 0);
  });
