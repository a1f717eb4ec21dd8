import t from 'tap';
import { Problem } from '../../../contracts/problem.js';
import { extractCredential } from '../../../gateway/pipeline/extract-credential.js';

/** The stage looks at nothing else of the request. */
function found(authorization: string): string {
  const credentials = {
    bearer: true,
    dpop: undefined,
    cookies: [],
    apiKeyHeader: undefined,
    websocket: false,
    certificate: undefined,
    schemes: ['Bearer'],
  };
  const routed = { headers: ['authorization', authorization], request: {}, route: { credentials } };
  try {
    const presented = extractCredential(routed as unknown as Parameters<typeof extractCredential>[0]);
    return presented.by === 'token' ? `${presented.credential.source} ${presented.credential.text}` : '';
  } catch (error) {
    return error instanceof Problem ? error.code : String(error);
  }
}

t.test('a bearer token is what follows the scheme and its spaces, and has none itself', async (t) => {
  t.same(
    {
      usual: found('Bearer a.b.c'),
      'any case': found('bEARER a.b.c'),
      'several spaces': found('Bearer   a.b.c'),
      'a line break is no space': found('Bearer a\nb'),
      'a space in it': found('Bearer a.b.c d'),
      'a space behind it': found('Bearer a.b.c '),
      'none, with a space': found('Bearer '),
      none: found('Bearer'),
      'a tab in place of the space': found('Bearer\ta.b.c'),
      'another scheme': found('Bearers a.b.c'),
      'another one': found('Basic Bearer a.b.c'),
      empty: found(''),
    },
    {
      usual: 'bearer a.b.c',
      'any case': 'bearer a.b.c',
      'several spaces': 'bearer a.b.c',
      'a line break is no space': 'bearer a\nb',
      'a space in it': 'token_malformed',
      'a space behind it': 'token_malformed',
      'none, with a space': 'token_malformed',
      none: 'token_malformed',
      'a tab in place of the space': 'token_malformed',
      'another scheme': 'credentials_missing',
      'another one': 'credentials_missing',
      empty: 'credentials_missing',
    },
  );
});
