/**
 * One connection, seen from the server: what it may say when, and what becomes of what it said.
 *
 *     greeting --hello--> open --goodbye, or the server stops--> draining --all is answered--> gone
 *
 * Always true: before a right `hello` nothing reaches the broker; a request that was read is answered once, unless the
 * connection breaks before; I25: how much of one client's the server holds is bounded: its frames, its requests, the
 * bytes of its sends, and what it does not read. When a connection ends, however it ends, what it held goes back (I24).
 */
import type { Socket } from 'node:net';
import type { Admission, Credentials } from '../../../../shared/admission.ts';
import type { Broker } from '../../../../shared/contract/broker.ts';
import { isMqError, MqError } from '../../../../shared/contract/errors.ts';
import { certificateOf } from '../../../3-http-server/credentials.ts';
import { addressOf, type ConnectionEntry } from '../connection-entry.ts';
import { Channel } from './channel.ts';
import type { Door } from './door.ts';
import { FRAME, LENGTH_BYTES } from './frame.ts';
import { HELLO_BYTES_MAX, type Hello, readHello, VERSIONS, writeWelcome } from './handshake.ts';
import { introductionOf } from './introduction.ts';
import { RequestDesk } from './request-desk.ts';
import { asMqError, writeError } from './wire-error.ts';

/** In the book, and for an Admission. */
const DOOR = 'tcp';
/** Shorter heartbeats are not agreed to: each costs a timer and a packet. */
const HEARTBEAT_MS_MIN = 20;
/** What every client must take, so that an answer of usual size reaches it. */
const FRAME_BYTES_MIN = 2 * 1024 * 1024;
const LEAVING = new MqError('MQ_CLOSED', 'all is answered; the connection ends');

export class Session {
  readonly #socket: Socket;
  readonly #door: Door;
  readonly #channel: Channel;
  readonly #onGone: () => void;
  /** Where somebody keeps a book. */
  readonly #entry: ConnectionEntry | undefined;
  /** Set by `hello`. */
  #desk: RequestDesk | undefined;
  #deadline: { cancel(): void };
  /** Set when the Admission let it in. */
  #admitted: Broker | undefined;
  #isDraining = false;
  /** It was told goodbye, or is gone. */
  #isOver = false;

  constructor(socket: Socket, door: Door, onGone: () => void) {
    const { options } = door;
    this.#socket = socket;
    this.#door = door;
    this.#onGone = onGone;
    const address = addressOf(socket.remoteAddress ?? '', socket.remotePort);
    this.#entry = options.book?.opened({ door: DOOR, address });
    this.#channel = new Channel({
      socket,
      clock: options.clock,
      frameBytesMax: HELLO_BYTES_MAX - LENGTH_BYTES,
      unsentBytesMax: options.unsentBytesMax,
      stalledMs: options.stalledMs,
      frameTimeoutMs: options.frameTimeoutMs,
      onFrame: (type, id, content, isOwn) => this.#frame(type, id, content, isOwn),
      onDrain: () => this.#desk?.drained(),
      onBroken: (error) => this.#sayGoodbye(error),
      onGone: () => this.#gone(),
    });
    const late = new MqError('MQ_REQUEST_TIMEOUT', `no hello came within ${options.handshakeTimeoutMs} ms`);
    this.#deadline = options.clock.setTimer(() => this.#sayGoodbye(late), options.handshakeTimeoutMs, {
      isBackground: true,
    });
  }

  /** Takes no new requests, lets those that wait come to an end, answers all, and ends. */
  drain(reason: MqError): void {
    if (this.#isDraining || this.#channel.isGone) return;
    if (this.#desk === undefined) {
      this.#sayGoodbye(reason);
      return;
    }
    this.#isDraining = true;
    writeError(this.#channel.out, FRAME.goodbye, 0, reason);
    this.#channel.flush();
    this.#desk.drain();
  }

  destroy(): void {
    this.#channel.destroy(undefined);
  }

  #frame(type: number, id: number, content: Uint8Array, isOwn: boolean): void {
    if (type === FRAME.heartbeat) return;
    if (this.#desk === undefined) this.#greet(type, content);
    else if (type === FRAME.goodbye) this.drain(LEAVING);
    else if (type === FRAME.hello) throw new MqError('MQ_PROTOCOL', 'a second hello on one connection');
    else this.#desk.take(type, id, content, isOwn);
  }

  #greet(type: number, content: Uint8Array): void {
    if (type !== FRAME.hello) throw new MqError('MQ_PROTOCOL', 'the first frame of a client is hello');
    const hello = readHello(content);
    if (hello.versionMin > VERSIONS.max || hello.versionMax < VERSIONS.min) {
      const [ours, theirs] = [`${VERSIONS.min} to ${VERSIONS.max}`, `${hello.versionMin} to ${hello.versionMax}`];
      throw new MqError('MQ_PROTOCOL', `this server speaks versions ${ours}, the client ${theirs}`);
    }
    if (hello.frameBytesMax < FRAME_BYTES_MIN) {
      throw new MqError('MQ_PROTOCOL', `a client takes frames of at least ${FRAME_BYTES_MIN} bytes`);
    }
    const { admission, broker } = this.#door;
    if (admission === undefined) this.#welcome(hello, broker);
    else void this.#admit(hello, admission);
  }

  /** What comes behind the hello waits until it is known who said it. */
  async #admit(hello: Hello, admission: Admission): Promise<void> {
    this.#channel.hold();
    try {
      const from = { door: DOOR, address: this.#socket.remoteAddress };
      const admitted = await admission.admit(credentialsOf(hello, this.#socket), from);
      if (this.#isOver) {
        admission.leave?.(admitted);
        return;
      }
      this.#admitted = admitted;
      this.#entry?.admitted(admission.nameOf?.(admitted));
      this.#welcome(hello, admitted);
    } catch (error) {
      if (!this.#isOver) this.#sayGoodbye(asMqError(error));
      return;
    }
    this.#channel.release();
  }

  #welcome(hello: Hello, broker: Broker): void {
    const { options } = this.#door;
    const version = Math.min(hello.versionMax, VERSIONS.max);
    const heartbeatMs = Math.max(Math.min(options.heartbeatMs, hello.heartbeatMs), HEARTBEAT_MS_MIN);
    this.#deadline.cancel();
    this.#entry?.introduced({ clientId: hello.name || undefined, protocolVersion: String(version) });
    this.#desk = new RequestDesk({
      door: this.#door,
      broker,
      entry: this.#entry,
      version,
      channel: this.#channel,
      memberId: this.#door.nextMemberId(),
      onIdle: () => this.#idle(),
      frameBytesMax: hello.frameBytesMax,
    });
    this.#channel.frameBytesMax = options.frameBytesMax;
    const introduction = introductionOf(broker, options, version);
    writeWelcome(this.#channel.out, { version, heartbeatMs, introduction });
    this.#channel.flush();
    this.#channel.startPulse(heartbeatMs);
  }

  /** No request is without an answer. */
  #idle(): void {
    if (this.#isDraining) this.#channel.end();
  }

  /** The client broke the protocol, or may not come in. It is told why, and that is all it is told. */
  #sayGoodbye(reason: MqError): void {
    this.#isOver = true;
    if (isMqError(reason, 'MQ_INTERNAL')) this.#door.onDefect(reason.cause);
    this.#door.onRefused?.(reason);
    writeError(this.#channel.out, FRAME.goodbye, 0, asMqError(reason));
    this.#channel.end(reason);
  }

  #gone(): void {
    this.#isOver = true;
    this.#deadline.cancel();
    this.#desk?.leave();
    if (this.#admitted !== undefined) this.#door.admission?.leave?.(this.#admitted);
    this.#entry?.closed();
    this.#onGone();
  }
}

/** Only what was said. */
function credentialsOf({ token, user, password }: Hello, socket: Socket): Credentials {
  const shown = { token, user, password, certificate: certificateOf(socket) };
  return Object.fromEntries(Object.entries(shown).filter(([, value]) => value !== null && value !== undefined));
}
