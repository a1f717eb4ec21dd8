import { GatehouseError } from 'gatehouse/client';
import { client } from './session.js';

/** One call of the API through the gateway. Rejects with a GatehouseError, whatever goes wrong. */
export async function call<T>(path: string, init?: RequestInit): Promise<T> {
  const response = await answerOf(path, init);
  const body = (await response.json().catch(() => ({}))) as T & Problem;
  if (response.ok) return body;
  const { code = 'unexpected_answer', detail, title, request_id: requestId } = body;
  throw new GatehouseError(code as GatehouseError['code'], detail ?? title ?? `status ${response.status}`, {
    status: response.status,
    ...(requestId === undefined ? {} : { requestId }),
  });
}

export const post = <T>(path: string, body: object): Promise<T> =>
  call<T>(path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });

/** RFC 9457, as far as it is shown. */
interface Problem {
  code?: string;
  title?: string;
  detail?: string;
  request_id?: string;
}

async function answerOf(path: string, init: RequestInit | undefined): Promise<Response> {
  try {
    return await client.fetch(path, init);
  } catch (cause) {
    if (cause instanceof GatehouseError) throw cause;
    throw new GatehouseError('network_error', 'no answer from the gateway', { cause });
  }
}
