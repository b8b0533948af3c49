/**
 * From a host and a port to a connection that has shaken hands.
 *
 * Always true: what could not be made is closed, and says why: nobody there, somebody else, or not for us. What comes is
 * read into one piece of memory again and again, since all that is kept of it is copied.
 */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { MqError } from '../../../../shared/contract/errors.ts';
import { clientContextOf } from '../../../3-http-server/tls.ts';
import { Connection, type ConnectionEvents, type ConnectionOptions } from './connection.ts';
import type { Welcome } from './handshake.ts';

const READ_BYTES = 256 * 1024;

/** Connects and shakes hands. `MQ_UNREACHABLE`, `MQ_UNAUTHORIZED` or `MQ_PROTOCOL` when that cannot be done. */
export function openConnection(
  options: ConnectionOptions & ConnectionEvents,
): Promise<{ readonly connection: Connection; readonly welcome: Welcome }> {
  return new Promise((resolve, reject) => {
    const { clock, connectTimeoutMs } = options;
    let isOpen = false;
    const refused = (reason: MqError | undefined): void => {
      timer.cancel();
      reject(unreachableError(options, reason));
    };
    const socket = socketTo(options, (bytes) => connection.receive(bytes));
    const connection = new Connection(socket, {
      ...options,
      onGone: (reason) => (isOpen ? options.onGone(reason) : refused(reason)),
      onWelcome: (welcome) => {
        isOpen = true;
        timer.cancel();
        resolve({ connection, welcome });
      },
    });
    const timer = clock.setTimer(() => {
      connection.destroy(new MqError('MQ_UNREACHABLE', `no welcome came within ${connectTimeoutMs} ms`));
    }, connectTimeoutMs);
  });
}

/** What comes over TLS is in memory of its own already, and is told by `data` events. */
function socketTo({ host, port, tls }: ConnectionOptions, receive: (bytes: Uint8Array) => void): Socket {
  const place = { host, port, noDelay: true, keepAlive: true };
  if (tls !== undefined) return connectTls({ ...place, ...clientContextOf(tls) });
  const onread = {
    buffer: Buffer.allocUnsafeSlow(READ_BYTES),
    callback: (count: number, bytes: Uint8Array): boolean => {
      receive(bytes.subarray(0, count));
      return true;
    },
  };
  return connect({ ...place, onread });
}

function unreachableError({ host, port }: ConnectionOptions, reason: MqError | undefined): MqError {
  const told = ['MQ_UNAUTHORIZED', 'MQ_PROTOCOL', 'MQ_UNREACHABLE', 'MQ_LIMIT_EXCEEDED'];
  if (reason !== undefined && told.includes(reason.code)) return reason;
  const why = reason === undefined ? 'the connection was closed without a word (mq: and mqs: differ)' : reason.message;
  return new MqError('MQ_UNREACHABLE', `there is no server at ${host}:${port}: ${why}`, { cause: reason });
}
