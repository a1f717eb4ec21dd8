import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { needsProgram, runProgram } from '../../fixtures/real-client.js';
import { startTlsGateway } from '../../fixtures/tls-gateway.js';

/** HTTP/2 with nghttp2's own client, many requests at a time on few connections. */

t.test(
  'h2load: every request of many is answered, and only the good ones reach the upstream',
  needsProgram('h2load'),
  async (t) => {
    const { gateway, url, dir, seen, token, answer } = await startTlsGateway(t);
    answer((request, response) => {
      request.resume().on('end', () => response.end('x'.repeat(2000)));
    });
    const body = join(dir, 'body');
    writeFileSync(body, 'y'.repeat(20_000));
    const problems = async (): Promise<string[]> => {
      const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
      return text.split('\n').filter((line) => line.startsWith('gatehouse_problems_total{'));
    };
    const load = async (path: string, ...more: string[]): Promise<string> => {
      const args = ['--header', ':authority: a.test', ...more, `${url}${path}`];
      const { stdout, stderr } = await runProgram('h2load', ['-n300', '-c3', '-m5', ...args]);
      const lines = stdout.split('\n');
      const say = (start: string): string => lines.find((line) => line.startsWith(start)) ?? stdout + stderr;
      t.match(say('Application protocol'), /h2/);
      return `${say('requests:')} | ${say('status codes:')}`;
    };
    const all = '300 total, 300 started, 300 done, 300 succeeded, 0 failed, 0 errored, 0 timeout';
    t.match(await load('/public/x'), `requests: ${all} | status codes: 300 2xx, 0 3xx, 0 4xx, 0 5xx`);
    const bearer = ['--header', `authorization: Bearer ${token()}`];
    t.match(await load('/api/x', ...bearer, '--data', body), '300 succeeded');
    t.strictSame(await problems(), []);
    t.equal(seen.length, 600);
    t.equal(seen.filter((request) => request.body.length === 20_000).length, 300, 'each body is whole');
    t.match(await load('/api/x'), 'status codes: 0 2xx, 0 3xx, 300 4xx, 0 5xx');
    t.equal(seen.length, 600);
  },
);
