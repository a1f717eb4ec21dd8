import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { needsProgram, type ProgramRun, runProgram } from '../../fixtures/real-client.js';
import { startTlsGateway } from '../../fixtures/tls-gateway.js';

/** Uploads with curl, which asks first (`Expect: 100-continue`), in both protocols. */

const SIZE = 3 * 1024 * 1024;
const HTTP = ['--http1.1', '--http2'];
const needsCurl = needsProgram('curl');

async function start(t: Test, { limits = {}, route = {} }: { limits?: object; route?: object } = {}) {
  const gateway = await startTlsGateway(t, {
    routes: [
      {
        path: '/api/*',
        methods: ['POST', 'PUT'],
        auth: 'caller',
        upstream: 'app',
        max_body: '4MiB',
        ...route,
      },
    ],
    config: { limits },
  });
  gateway.answer((request, response) => {
    const hash = createHash('sha256');
    request.on('data', (chunk: Buffer) => hash.update(chunk));
    request.on('end', () => response.end(hash.digest('hex')));
  });
  const body = Buffer.alloc(SIZE, 'gatehouse ');
  const file = join(gateway.dir, 'body');
  writeFileSync(file, body);
  const curl = async (args: readonly string[], feed?: Parameters<typeof runProgram>[2]) => {
    const { port } = new URL(gateway.url);
    const fixed = [
      '--silent',
      '--verbose',
      '--cacert',
      join(gateway.dir, 'ca.pem'),
      '--resolve',
      `a.test:${port}:127.0.0.1`,
    ];
    const out = ['--write-out', '\n%{http_version} %{http_code} %{size_upload}'];
    const run: ProgramRun = await runProgram(
      'curl',
      [...fixed, ...out, ...args, `https://a.test:${port}/api/x`],
      feed,
    );
    const [version, status, sent] = (run.stdout.split('\n').at(-1) ?? '').split(' ');
    return { ...run, version, status: Number(status), sent: Number(sent) };
  };
  const sha256 = createHash('sha256').update(body).digest('hex');
  const bearer = ['--header', `Authorization: Bearer ${gateway.token()}`];
  return {
    ...gateway,
    curl,
    upload: ['--request', 'POST', '--header', 'Expect: 100-continue', '--data-binary', `@${file}`],
    bearer,
    sha256,
  };
}

for (const http of HTTP) {
  t.test(`${http}: an upload arrives whole once it is allowed`, needsCurl, async (t) => {
    const { curl, upload, bearer, sha256 } = await start(t);
    const { stdout, stderr, status, sent, version } = await curl([http, ...upload, ...bearer]);
    t.strictSame([status, sent], [200, SIZE]);
    t.equal(version, http === '--http2' ? '2' : '1.1');
    t.match(stderr, /< HTTP\/[12.]+ 100/, 'it was told to go on');
    t.ok(stdout.startsWith(sha256));
  });

  t.test(`${http}: what is refused is not sent`, needsCurl, async (t) => {
    const { curl, upload, bearer, seen, token } = await start(t, { route: { max_body: '1MiB' } });
    const nobody = await curl([http, ...upload]);
    t.strictSame([nobody.status, nobody.sent], [401, 0], 'without a token');
    const expired = await curl([http, ...upload, '--header', `Authorization: Bearer ${token({ exp: 1 })}`]);
    t.strictSame([expired.status, expired.sent], [401, 0], 'with one that has expired');
    const large = await curl([http, ...upload, ...bearer]);
    t.strictSame([large.status, large.sent], [413, 0], 'more than the route takes');
    for (const { stderr } of [nobody, expired, large]) t.notMatch(stderr, /< HTTP\/[12.]+ 100/);
    t.equal(seen.length, 0);
  });

  t.test(`${http}: an upload that pauses is a 408; one that drips may`, needsCurl, async (t) => {
    const { curl, bearer, sha256, seen } = await start(t, { limits: { body_idle: '500ms' } });
    // Standard input, which `.` reads without waiting for it.
    const chunked = [http, ...bearer, '--request', 'POST', '--upload-file', '.'];
    const paused = await curl(chunked, (stdin) => stdin.write('half'));
    t.equal(paused.status, 408);
    t.equal(seen.length, 0);
    const dripped = await curl(chunked, (stdin) => {
      let left = 6;
      const drip = setInterval(() => {
        stdin.write('x'.repeat(10));
        left -= 1;
        if (left > 0) return;
        clearInterval(drip);
        stdin.end();
      }, 100);
    });
    t.equal(dripped.status, 200);
    t.not(dripped.stdout, sha256);
    t.equal(seen[0]?.body, 'x'.repeat(60));
  });
}
