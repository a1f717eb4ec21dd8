import { request as httpRequest } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { TlsMaterial } from '../../kit/tls-files.js';

/** What came of a request; without a status the connection was refused or broke off. */
export interface Outcome {
  status?: number;
  body?: string;
  error?: string;
}

export interface Question {
  url: URL;
  /** Names and values in turn, sent as they are, repeats and all. */
  headers: readonly string[];
  /** The CA that the service has to be of, and what to show; absent: no certificate is shown. */
  tls: { ca: string; shown?: Pick<TlsMaterial, 'cert' | 'key'> };
}

const TIMEOUT_MS = 5000;
const MAX_BODY_BYTES = 64 * 1024;

/** One request on a connection of its own. Never rejects. */
export function ask({ url, headers, tls }: Question): Promise<Outcome> {
  return new Promise((resolve) => {
    const options: RequestOptions = {
      agent: false,
      timeout: TIMEOUT_MS,
      headers: ['Host', url.host, ...headers] as unknown as NonNullable<RequestOptions['headers']>,
      ca: tls.ca,
      ...tls.shown,
      // The name is looked at by whoever is the gateway; here the CA is enough to be sure whom we talk to.
      checkServerIdentity: () => undefined,
    };
    const fail = (error: Error): void => resolve({ error: error.message });
    const send = url.protocol === 'http:' ? httpRequest : httpsRequest;
    const outgoing = send(url, options, (response) => {
      const { statusCode: status = 0 } = response;
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body = (body + text).slice(0, MAX_BODY_BYTES);
      });
      response.on('error', fail);
      response.on('end', () => resolve({ status, body }));
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')));
    outgoing.on('error', fail);
    outgoing.end();
  });
}
