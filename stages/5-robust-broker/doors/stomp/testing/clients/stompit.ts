/** stompit, as the script uses it. */
import { createRequire } from 'node:module';
import type { Writable } from 'node:stream';
import { Inbox } from './inbox.ts';
import type { Heard, ScriptClient, ScriptConnection } from './script.ts';

type Words = Readonly<Record<string, string>>;
interface Message {
  readonly headers: Words;
  readString(encoding: string, callback: (error: Error | null | undefined, text: string) => void): void;
}
interface Receipted {
  readonly onReceipt: () => void;
}

/** The part of stompit that the script calls; it comes without types. */
interface StompitClient {
  sendFrame(command: string, headers: Words, options: Receipted): Writable;
  subscribe(headers: Words, listener: (error: Error | null | undefined, message: Message) => void): void;
  disconnect(callback: (error: Error | null | undefined) => void): void;
  on(event: 'error', listener: (error: Error) => void): void;
}
interface Stompit {
  connect(options: object, callback: (error: Error | null | undefined, client: StompitClient) => void): void;
}

const stompit = createRequire(import.meta.url)('stompit') as Stompit;

export function stompitClient(port: number): ScriptClient {
  return {
    name: 'stompit',
    connect: ({ clientId, heartbeatMs = 0 } = {}) =>
      new Promise((resolve, reject) => {
        const connectHeaders = {
          ...{ host: '/', login: 'ann', passcode: 'secret', 'heart-beat': `${heartbeatMs},${heartbeatMs}` },
          ...(clientId !== undefined && { 'client-id': clientId }),
        };
        stompit.connect({ host: '127.0.0.1', port, connectHeaders }, (error, client) => {
          if (!error) resolve(connectionOf(client));
          else reject(error);
        });
      }),
  };
}

function connectionOf(client: StompitClient): ScriptConnection {
  client.on('error', () => undefined);
  const frame = (command: string, headers: Words, body: string | Buffer = ''): Promise<void> =>
    new Promise((resolve) => {
      const length = { 'content-length': String(Buffer.byteLength(body)) };
      const withLength = command === 'SEND' ? { ...headers, ...length } : headers;
      client.sendFrame(command, withLength, { onReceipt: () => resolve() }).end(body);
    });
  const named = ({ headers }: Heard): Words => ({ id: headers.ack ?? '' });
  return {
    send: (destination, body, headers = {}) => frame('SEND', { destination, ...headers }, body),
    subscribe: async (destination, headers) => {
      const inbox = new Inbox<Heard>();
      client.subscribe({ destination, ...headers }, (error, message) => {
        if (!error) void read(message).then(inbox.put);
      });
      // It has no receipts for subscriptions; what is answered later was carried out later.
      await frame('BEGIN', { transaction: 'in' });
      await frame('ABORT', { transaction: 'in' });
      return inbox.next;
    },
    unsubscribe: (id, headers = {}) => frame('UNSUBSCRIBE', { id, ...headers }),
    ack: (message) => frame('ACK', named(message)),
    nack: (message) => frame('NACK', named(message)),
    begin: (transaction) => frame('BEGIN', { transaction }),
    commit: (transaction) => frame('COMMIT', { transaction }),
    abort: (transaction) => frame('ABORT', { transaction }),
    leave: () => frame('DISCONNECT', {}),
  };
}

function read(message: Message): Promise<Heard> {
  return new Promise((resolve, reject) => {
    message.readString('latin1', (error, text) => {
      if (error) reject(error);
      else resolve({ headers: message.headers, body: Buffer.from(text, 'latin1') });
    });
  });
}
