/** @stomp/stompjs, as the script uses it: over WebSocket, as in a browser, or on a socket. */
import { connect as connectSocket } from 'node:net';
import { Client, type IMessage, type IStompSocket, ReconnectionTimeMode } from '@stomp/stompjs';
import { Inbox } from './inbox.ts';
import type { Heard, ScriptClient, ScriptConnection } from './script.ts';

export function stompjsClient(port: number, carrier: 'websocket' | 'tcp'): ScriptClient {
  return {
    name: `stompjs-${carrier}`,
    connect: ({ clientId, heartbeatMs = 0 } = {}) =>
      new Promise((resolve, reject) => {
        const client = new Client({
          webSocketFactory: () =>
            carrier === 'tcp' ? socketOf(port) : new WebSocket(`ws://127.0.0.1:${port}`, 'v12.stomp'),
          connectHeaders: {
            login: 'ann',
            passcode: 'secret',
            ...(clientId !== undefined && { 'client-id': clientId }),
          },
          heartbeatIncoming: heartbeatMs,
          heartbeatOutgoing: heartbeatMs,
          reconnectDelay: 0,
          reconnectTimeMode: ReconnectionTimeMode.LINEAR,
          onConnect: () => resolve(connectionOf(client)),
          onStompError: ({ headers }) => reject(new Error(headers.message)),
        });
        client.activate();
      }),
  };
}

function connectionOf(client: Client): ScriptConnection {
  let count = 0;
  const receipt = (): { readonly headers: { readonly receipt: string }; readonly done: Promise<void> } => {
    count += 1;
    const name = `r${count}`;
    const done = new Promise<void>((resolve) => {
      client.watchForReceipt(name, () => resolve());
    });
    return { headers: { receipt: name }, done };
  };
  const named = ({ headers }: Heard): [string, string] => [headers.ack ?? '', headers.subscription ?? ''];
  return {
    send: async (destination, body, headers = {}) => {
      const { done, headers: asked } = receipt();
      const content = typeof body === 'string' ? { body } : { binaryBody: body };
      client.publish({ destination, ...content, headers: { ...headers, ...asked } });
      await done;
    },
    subscribe: async (destination, headers) => {
      const inbox = new Inbox<Heard>();
      const { done, headers: asked } = receipt();
      const put = ({ headers: said, binaryBody }: IMessage): void =>
        inbox.put({ headers: said, body: Buffer.from(binaryBody) });
      client.subscribe(destination, put, { ...headers, ...asked });
      await done;
      return inbox.next;
    },
    unsubscribe: async (id, headers = {}) => {
      const { done, headers: asked } = receipt();
      client.unsubscribe(id, { ...headers, ...asked });
      await done;
    },
    ack: async (message) => {
      const { done, headers } = receipt();
      client.ack(...named(message), headers);
      await done;
    },
    nack: async (message) => client.nack(...named(message)),
    begin: async (transaction) => void client.begin(transaction),
    commit: async (transaction) => client.commit(transaction),
    abort: async (transaction) => client.abort(transaction),
    leave: () => client.deactivate(),
  };
}

/** What the library calls instead of a WebSocket. */
function socketOf(port: number): IStompSocket {
  const socket = connectSocket({ host: '127.0.0.1', port });
  const adapter: IStompSocket & { readyState: number } = {
    url: `tcp://127.0.0.1:${port}`,
    readyState: 0,
    onclose: undefined,
    onerror: undefined,
    onmessage: undefined,
    onopen: undefined,
    close: () => void socket.end(),
    terminate: () => void socket.destroy(),
    send: (data) => void socket.write(typeof data === 'string' ? data : Buffer.from(data as Uint8Array)),
  };
  socket.on('connect', () => {
    adapter.readyState = 1;
    adapter.onopen?.();
  });
  socket.on('data', (bytes: Buffer) => adapter.onmessage?.({ data: new Uint8Array(bytes).buffer }));
  socket.on('error', (error) => adapter.onerror?.(error));
  socket.on('close', () => {
    adapter.readyState = 3;
    adapter.onclose?.({ code: 1000, wasClean: true });
  });
  return adapter;
}
