// The floor for Node: nothing but a request in, a request out over mTLS, and the answer back.
import http from 'node:http';
import https from 'node:https';
import { Pool } from 'undici';
import { readSettings } from './settings.mjs';

const { port, upstream, mtls, front } = readSettings();
const pool = new Pool(upstream, { connect: mtls, connections: 64, pipelining: 1 });

function forward(request, response) {
  const hasBody =
    request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
  let goOn;
  pool.dispatch(
    {
      path: request.url,
      method: request.method,
      headers: request.rawHeaders,
      body: hasBody ? request : null,
    },
    {
      onConnect() {},
      onHeaders(status, headers, resume) {
        goOn = resume;
        response.writeHead(status, endToEnd(headers));
        return true;
      },
      onData(chunk) {
        if (response.write(chunk)) return true;
        response.once('drain', goOn);
        return false;
      },
      onComplete: () => response.end(),
      onError: () => response.destroy(),
    },
  );
}

function endToEnd(headers) {
  const kept = [];
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at].toString('latin1');
    if (!/^(connection|keep-alive)$/i.test(name)) kept.push(name, headers[at + 1].toString('latin1'));
  }
  return kept;
}

const server = front === undefined ? http.createServer(forward) : https.createServer(front, forward);
server.listen(port, '127.0.0.1');
