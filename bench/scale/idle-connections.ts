import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const AT_A_TIME = 100;
/** Stays below `limits.connections_per_address`, with a loopback address for each so many. */
const PER_ADDRESS = 1500;

/** Connections that have asked once, with this token, and then rest. */
export async function openIdle(origin: string, token: string, count: number): Promise<{ close(): void }> {
  const { port } = new URL(origin);
  const sockets: Socket[] = [];
  const request = `GET /api/orders HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${token}\r\n\r\n`;
  const open = async (index: number): Promise<void> => {
    const localAddress = `127.0.1.${1 + Math.floor(index / PER_ADDRESS)}`;
    const socket = connect({ port: Number(port), host: '127.0.0.1', localAddress });
    socket.write(request);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    if (!answer.toString('latin1').startsWith('HTTP/1.1 200')) throw new Error(answer.toString());
    sockets.push(socket.on('error', () => undefined));
  };
  for (let from = 0; from < count; from += AT_A_TIME)
    await Promise.all(Array.from({ length: Math.min(AT_A_TIME, count - from) }, (_, at) => open(from + at)));
  return {
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}
