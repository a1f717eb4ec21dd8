import { DEMO_ACCOUNTS } from './demo-accounts.js';

/** What `npm start` prints when everything is up: where things are, and lines to paste. */
export function banner({
  url,
  adminUrl,
  dataDir,
  configFile,
}: {
  url: string;
  adminUrl: string;
  dataDir: string;
  configFile: string;
}): string {
  const [demo] = DEMO_ACCOUNTS;
  const login = JSON.stringify({ email: demo?.email, password: demo?.password });
  return `
  Gatehouse is ready.

    page      ${url}/, for your browser
    gateway   ${url}
    admin     ${adminUrl}/ready
    config    ${configFile}, taken up when it changes
    data      ${dataDir}

  Paste these:

    TOKEN=$(curl -s ${url}/auth/login -H 'content-type: application/json' \\
      -d '${login}' | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
    curl -s ${url}/api/orders -H "authorization: Bearer $TOKEN"
    curl -s -X POST ${url}/auth/logout -H "authorization: Bearer $TOKEN"
    curl -s ${url}/api/orders -H "authorization: Bearer $TOKEN"

  Accounts for trying things out, in this mode only:
${DEMO_ACCOUNTS.map(({ email, password }) => `    ${email} / ${password}`).join('\n')}

  Ctrl-C stops everything; the data stays.
`;
}
