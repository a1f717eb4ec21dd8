import t from 'tap';
import { lowerCaseName, USUAL_NAMES } from '../../../gateway/pipeline/header-names.js';

t.test('a name comes out in lower case, usual or not, however it is written', async (t) => {
  const odd = ['x-service-trace', 'if-x', 'ﬁ-ligature', 'straße', '', 'İ', '__proto__', 'constructor'];
  for (const name of [...USUAL_NAMES, ...odd])
    for (const written of [name, name.toUpperCase(), name.replace(/\b[a-z]/g, (at) => at.toUpperCase())])
      t.equal(lowerCaseName(written), written.toLowerCase());
});

t.test('the usual names are in lower case, each once', async (t) => {
  t.same(
    USUAL_NAMES,
    USUAL_NAMES.map((name) => name.toLowerCase()),
  );
  t.equal(new Set(USUAL_NAMES).size, USUAL_NAMES.length);
});
