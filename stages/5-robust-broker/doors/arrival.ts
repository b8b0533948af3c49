/**
 * A connection from its first byte to its last, as its DoorServer sees it.
 *
 *     arrived --not HTTP--------------------> session --> gone
 *         \-----"GET "--> gate --WebSocket-----^
 *          \--nothing in time-----------------------------^
 *
 * Always true: it is in the book while it is there; it is a session, or ends in time. Only the DoorServer makes it.
 */
import type { Socket } from 'node:net';
import type { Timer } from '../../../shared/clock.ts';
import { MqError } from '../../../shared/contract/errors.ts';
import type { Guest } from '../../4-persisted-log/doors/listener.ts';
import type { BookedConnection } from './booked-connection.ts';
import { ByteChannel, type DoorSession } from './byte-channel.ts';
import type { ConnectionBook } from './connection-book.ts';
import type { Door, DoorKind } from './door-server.ts';
import type { CheckedProtocolDoorOptions } from './door-server-options.ts';
import { socketTransport, type Transport, webSocketTransport } from './transport.ts';
import { recognise, type WebSocketGate } from './web-socket-gate.ts';

export interface ArrivalOptions {
  readonly socket: Socket;
  readonly door: Door;
  readonly kind: DoorKind;
  /** Where the protocol is spoken over WebSocket too. */
  readonly gate: WebSocketGate | undefined;
  readonly book: ConnectionBook;
  readonly options: CheckedProtocolDoorOptions;
  readonly onGone: () => void;
  /** The session has nothing to do any more. */
  readonly left: (channel: ByteChannel) => void;
}

export class Arrival implements Guest {
  readonly #options: ArrivalOptions;
  readonly #booked: BookedConnection;
  #isSocketClosed = false;
  #isChannelGone = false;
  #session: DoorSession | undefined;
  #channel: ByteChannel | undefined;
  /** Until it is a session. */
  #deadline: Timer | undefined;

  constructor(options: ArrivalOptions) {
    this.#options = options;
    const { socket, door, gate, book } = options;
    this.#booked = book.opened({ door: door.name, address: addressOf(socket) });
    socket.once('close', () => {
      this.#isSocketClosed = true;
      this.#closed();
    });
    if (gate === undefined) this.#begin(socketTransport(socket));
    else this.#await(socket, gate);
  }

  drain(reason: MqError): void {
    if (this.#session === undefined) this.destroy();
    else this.#session.drain(reason);
  }

  destroy(): void {
    if (this.#channel === undefined) this.#options.socket.destroy();
    else this.#channel.destroy();
  }

  #await(socket: Socket, gate: WebSocketGate): void {
    const { handshakeTimeoutMs, clock } = this.#options.options;
    const late = new MqError('MQ_REQUEST_TIMEOUT', `nothing was said within ${handshakeTimeoutMs} ms`);
    const refuse = (): void => {
      this.#refused(late);
      socket.destroy();
    };
    this.#deadline = clock.setTimer(refuse, handshakeTimeoutMs, { isBackground: true });
    socket.on('error', () => undefined); // 'close' follows
    recognise(socket, (isHttp) => {
      if (isHttp) this.#awaitWebSocket(socket, gate);
      else this.#begin(socketTransport(socket));
    });
  }

  #awaitWebSocket(socket: Socket, gate: WebSocketGate): void {
    const sendsText = this.#options.kind.webSocket?.sendsText === true;
    gate.take(socket, {
      onOpen: (webSocket) => this.#begin(webSocketTransport(webSocket, { socket, sendsText })),
      onRefused: (why) => this.#refused(new MqError('MQ_FORBIDDEN', why)),
    });
  }

  #begin(transport: Transport): void {
    this.#deadline?.cancel();
    const { kind, door, options } = this.#options;
    const channel = new ByteChannel({
      ...options,
      transport,
      booked: this.#booked,
      onBroken: (error) => this.#refused(error),
      onGone: (rest) => this.#goneFrom(channel, rest),
    });
    this.#channel = channel;
    this.#session = kind.newSession(channel, door);
    channel.attach(this.#session);
  }

  #refused(reason: MqError): void {
    const { book, door, options } = this.#options;
    const { onDefect, onRefused } = options;
    book.refused(door.name);
    if (reason.code === 'MQ_INTERNAL') onDefect(reason.cause);
    onRefused?.(reason);
  }

  /** What its session still has to do is waited for when the server closes. */
  #goneFrom(channel: ByteChannel, rest: Promise<void> | void): void {
    const { door, left } = this.#options;
    const leave = (): void => left(channel);
    door.farewells.add(Promise.resolve(rest).finally(leave));
    this.#isChannelGone = true;
    this.#closed();
  }

  /** A WebSocket knows a little later than its socket that it is over. */
  #closed(): void {
    if (!this.#isSocketClosed || (this.#channel !== undefined && !this.#isChannelGone)) return;
    this.#deadline?.cancel();
    this.#booked.closed();
    this.#options.onGone();
  }
}

function addressOf({ remoteAddress = '', remotePort, remoteFamily }: Socket): string {
  return remoteFamily === 'IPv6' ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
}
