/**
 * What carries the bytes of one connection: a socket as it is, or a WebSocket on one.
 *
 *     socket      any run of bytes                    WebSocket   whole messages, each a run of whole frames
 *
 * Always true: `onClose` is called once, and nothing after it; a message of text is one whose bytes are UTF-8. The DoorServer
 * makes them, ByteChannel uses them.
 */
import { isUtf8 } from 'node:buffer';
import type { Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import { type Carrier, socketCarrier } from '../../4-persisted-log/doors/outflow.ts';

/** What a peer may have us owe it in answers to its pings. */
const PONG_BYTES_MAX = 64 * 1024;

/** Told of what comes. */
export interface TransportEvents {
  readonly onBytes: (bytes: Buffer) => void;
  readonly onError: (error: Error) => void;
  readonly onClose: () => void;
}

export interface Transport extends Carrier {
  /** For its address and its certificate. */
  readonly socket: Socket;
  open(events: TransportEvents): void;
  pause(): void;
  resume(): void;
  /** After what was sent. */
  end(): void;
  destroy(): void;
}

export function socketTransport(socket: Socket): Transport {
  return {
    ...socketCarrier(socket),
    socket,
    open({ onBytes, onError, onClose }) {
      socket.on('data', onBytes);
      socket.on('error', onError);
      socket.on('close', onClose);
      socket.resume();
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => {
      if (!socket.writableEnded) socket.end();
    },
    destroy: () => void socket.destroy(),
  };
}

/** `sendsText`: what is UTF-8 leaves as text, for clients that read nothing else. */
export function webSocketTransport(
  webSocket: WebSocket,
  { socket, sendsText }: { readonly socket: Socket; readonly sendsText: boolean },
): Transport {
  return {
    isStream: false,
    socket,
    send(pieces, onLeft) {
      const last = pieces.length - 1;
      for (const [index, piece] of pieces.entries()) {
        const binary = !sendsText || !isUtf8(piece);
        if (index < last) webSocket.send(piece, { binary });
        else webSocket.send(piece, { binary }, onLeft);
      }
    },
    open({ onBytes, onError, onClose }) {
      webSocket.on('message', (data: RawData) => onBytes(bufferOf(data)));
      webSocket.on('ping', (data: Buffer) => {
        if (socket.writableLength < PONG_BYTES_MAX) webSocket.pong(data);
      });
      webSocket.on('error', onError);
      webSocket.on('close', onClose);
    },
    pause: () => webSocket.pause(),
    resume: () => webSocket.resume(),
    end: () => webSocket.close(),
    destroy: () => webSocket.terminate(),
  };
}

function bufferOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? Buffer.from(data) : data;
}
