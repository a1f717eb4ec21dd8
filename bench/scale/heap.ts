import { once } from 'node:events';
import { WebSocket } from 'ws';

interface Answer {
  id: number;
  result?: { usedSize?: number; backingStorageSize?: number };
}

/** Bytes that a Node with `--inspect` on this port holds after it has collected garbage: objects and buffers. */
export async function heapBytes(inspectPort: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${inspectPort}/json/list`);
  const [{ webSocketDebuggerUrl }] = (await answer.json()) as [{ webSocketDebuggerUrl: string }];
  const socket = new WebSocket(webSocketDebuggerUrl);
  await once(socket, 'open');
  const call = async (id: number, method: string): Promise<Answer['result']> => {
    socket.send(JSON.stringify({ id, method }));
    for (;;) {
      const [data] = (await once(socket, 'message')) as [Buffer];
      const said = JSON.parse(data.toString()) as Answer;
      if (said.id === id) return said.result;
    }
  };
  try {
    for (const id of [1, 2]) await call(id, 'HeapProfiler.collectGarbage');
    const { usedSize = Number.NaN, backingStorageSize = 0 } = (await call(3, 'Runtime.getHeapUsage')) ?? {};
    return usedSize + backingStorageSize;
  } finally {
    socket.close();
  }
}
