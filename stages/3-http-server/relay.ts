/**
 * A wire that can be watched and cut: a TCP relay between a client and a server, for the story, the limit and tests.
 *
 *     client <----> relay <----> server         turnCount: how often the talk went over to the server and back
 *                     cutNextAnswer(): the request arrives, its answer does not
 *
 * Always true: bytes pass unchanged and in order until a cut; a cut ends both sides of that one connection, and later ones
 * work again. Knows nothing of HTTP.
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Relay extends AsyncDisposable {
  /** Where to connect instead of the server. */
  readonly url: string;
  /** Times a request was followed by an answer, over all connections. */
  readonly turnCount: number;
  /** Connections accepted so far. */
  readonly connectionCount: number;
  /** Breaks the connection on which the next byte of an answer arrives, before that byte is passed on; then calls `onCut`. */
  cutNextAnswer(onCut?: () => void): void;
}

export async function createRelay(serverUrl: string): Promise<Relay> {
  const { hostname, port } = new URL(serverUrl);
  const sockets = new Set<Socket>();
  let turnCount = 0;
  let connectionCount = 0;
  let cut: (() => void) | undefined;
  const listener = createServer((client) => {
    connectionCount += 1;
    const server = connect({ host: hostname, port: Number(port) });
    let isAsked = false;
    client.on('data', (bytes) => {
      isAsked = true;
      server.write(bytes);
    });
    server.on('data', (bytes) => {
      if (cut !== undefined) {
        client.destroy();
        cut();
        cut = undefined;
        return;
      }
      if (isAsked) turnCount += 1;
      isAsked = false;
      client.write(bytes);
    });
    for (const [socket, other] of [[client, server] as const, [server, client] as const]) {
      sockets.add(socket);
      // A broken connection is what this file is for: it ends the other side, and its error has no other news.
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    get turnCount() {
      return turnCount;
    },
    get connectionCount() {
      return connectionCount;
    },
    cutNextAnswer: (onCut = () => undefined) => {
      cut = onCut;
    },
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => listener.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
