/**
 * One connection of a protocol door, as bytes: whether a socket, TLS or a WebSocket carries them.
 *
 *     transport --pieces--> session.receive
 *     transport <--one write a turn-- write(frame)
 *
 * Always true (I34): what is written in one turn of the event loop leaves in one write (over a WebSocket: in messages of whole
 * frames); what the other side did not take yet is bounded, and so is the time in which it takes nothing; a client that does
 * not introduce itself in time, or that drips one frame, is refused; a peer that is silent for longer than was agreed is gone.
 * The session is told of the end once, and of nothing after it. The DoorServer makes it, a session of a door uses it.
 */
import type { ClientCertificate } from '../../../shared/admission.ts';
import type { Clock } from '../../../shared/clock.ts';
import { MqError } from '../../../shared/contract/errors.ts';
import { certificateOf } from '../../3-http-server/credentials.ts';
import type { CheckedDoorOptions } from '../../4-persisted-log/doors/door-options.ts';
import { Outflow } from '../../4-persisted-log/doors/outflow.ts';
import { asMqError } from '../../4-persisted-log/doors/tcp/wire-error.ts';
import type { BookedConnection } from './booked-connection.ts';
import { Deadlines, type Due } from './deadlines.ts';
import type { DoorSession, Pulse } from './door-session.ts';
import type { Transport } from './transport.ts';
import { type Room, WritePage } from './write-page.ts';

export type { DoorSession, Pulse } from './door-session.ts';

/** More than that waits to leave: congested. */
const CONGESTED_BYTES = 1024 * 1024;

export interface ByteChannelOptions
  extends Pick<CheckedDoorOptions, 'handshakeTimeoutMs' | 'frameTimeoutMs' | 'stalledMs' | 'unsentBytesMax'> {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Counts what goes to and fro. */
  readonly booked: BookedConnection;
  /** Told once of a connection that broke the protocol, before the session is. */
  readonly onBroken: (error: MqError) => void;
  /** After the session was told. */
  readonly onGone: (rest: Promise<void> | void) => void;
}

export class ByteChannel {
  /** Where the session tells what it does; who closes it is the DoorServer. */
  readonly booked: BookedConnection;
  readonly #options: ByteChannelOptions;
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #flow: Outflow;
  readonly #page = new WritePage();
  /** Set by `attach`, which is called at once. */
  #session: DoorSession | undefined;
  readonly #openedAtMs: number;
  #heardAtMs: number;
  #openFrame: number | undefined;
  #frameBeganAtMs = 0;
  #pulse: Pulse = {};
  readonly #deadlines: Deadlines;
  #isGreeted = false;
  #isFlushing = false;
  /** Somebody was told that the channel is congested. */
  #owesDrained = false;
  #isPaused = false;
  #isBroken = false;
  #isEnding = false;
  #endedAtMs = 0;
  #isGone = false;
  #endReason: MqError | undefined;

  constructor(options: ByteChannelOptions) {
    this.#options = options;
    this.booked = options.booked;
    this.#transport = options.transport;
    this.#clock = options.clock;
    this.#flow = new Outflow({ carrier: options.transport, clock: options.clock, onLeft: () => this.#left() });
    this.#deadlines = new Deadlines({ clock: options.clock, dues: () => this.#dues() });
    this.#openedAtMs = this.#clock.monotonicMs();
    this.#heardAtMs = this.#openedAtMs;
  }

  /** From now on the session is told what comes. */
  attach(session: DoorSession): void {
    this.#session = session;
    this.#transport.open({
      onBytes: (bytes) => this.#receive(bytes),
      onError: (error) => this.destroy(lostError(error)),
      onClose: () => this.#gone(this.#endReason),
    });
    this.#deadlines.look();
  }

  get remoteAddress(): string | undefined {
    return this.#transport.socket.remoteAddress;
  }

  /** Only one that was asked for and verified. */
  get certificate(): ClientCertificate | undefined {
    return certificateOf(this.#transport.socket);
  }

  /** Written, and not taken by the other side, in bytes. */
  get unsentBytes(): number {
    return this.#page.bytes + this.#flow.unsentBytes;
  }

  /** More waits to leave than is sensible: nothing should be begun that makes it more. Whoever is told so is told of the end. */
  get isCongested(): boolean {
    if (this.unsentBytes <= CONGESTED_BYTES) return false;
    this.#owesDrained = true;
    return true;
  }

  /** Nothing that is written now arrives. */
  get isOver(): boolean {
    return this.#isEnding || this.#isGone;
  }

  /** One whole frame, or several; the pieces are the channel's from now on. It leaves at the end of this turn. */
  write(...frame: readonly Uint8Array[]): void {
    if (this.isOver) return;
    const { isStream } = this.#transport;
    const pieces = isStream || frame.length === 1 ? frame : [Buffer.concat(frame)];
    for (const piece of pieces) this.#page.write(piece);
    this.#flushSoon();
  }

  /** Room for one whole small frame, which the caller writes before it does anything else. Undefined: `write` takes it. */
  reserve(length: number): Room | undefined {
    if (this.isOver) return undefined;
    const room = this.#page.reserve(length);
    if (room !== undefined) this.#flushSoon();
    return room;
  }

  /** Reads little more until `resume`: the other side is slowed down, and owes no signs of life. */
  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#transport.pause();
  }

  resume(): void {
    if (!this.#isPaused || this.#isGone) return;
    this.#isPaused = false;
    this.#heardAtMs = this.#clock.monotonicMs();
    this.#frameBeganAtMs = this.#heardAtMs;
    this.#transport.resume();
    this.#deadlines.look();
  }

  /** The client has introduced itself: it may be silent now. */
  greeted(): void {
    this.#isGreeted = true;
  }

  /** From now on; instead of what was agreed before. */
  startPulse(pulse: Pulse): void {
    this.#pulse = pulse;
    this.#heardAtMs = this.#clock.monotonicMs();
    this.#deadlines.look();
  }

  /** The client broke the protocol, or may not come in: the session says so to it, and that is all it is told. */
  fail(error: unknown): void {
    if (this.#isBroken || this.isOver) return;
    this.#isBroken = true;
    const reason = asMqError(error);
    this.booked.failed();
    this.#options.onBroken(reason);
    this.#session?.refuse(reason);
  }

  /** Nothing more is read; what was written still leaves, and then the connection ends, after `stalledMs` at the latest. */
  end(reason?: MqError): void {
    if (this.isOver) return;
    this.#flushPage();
    this.#isEnding = true;
    this.#endReason = reason;
    this.#endedAtMs = this.#clock.monotonicMs();
    this.#transport.resume(); // what still comes is read away, so that the other side can come to its end
    this.#flush();
    this.#deadlines.look();
  }

  /** Ends at once; what was not sent is lost. */
  destroy(error?: MqError): void {
    if (this.#isGone) return;
    this.#transport.destroy();
    this.#gone(error ?? this.#endReason);
  }

  #receive(bytes: Buffer): void {
    if (this.isOver || this.#isBroken) return;
    this.#heardAtMs = this.#clock.monotonicMs();
    this.booked.bytesIn(bytes.length);
    try {
      this.#session?.receive(bytes);
    } catch (error) {
      this.fail(error);
    }
    const openFrame = this.#session?.openFrame;
    if (openFrame === this.#openFrame) return;
    this.#openFrame = openFrame;
    this.#frameBeganAtMs = this.#heardAtMs;
    if (openFrame !== undefined) this.#deadlines.lookAt(this.#heardAtMs + this.#options.frameTimeoutMs);
  }

  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    setImmediate(() => this.#flush());
  }

  #flushPage(): void {
    for (const piece of this.#page.take()) {
      this.booked.bytesOut(piece.length);
      this.#flow.push(piece);
    }
  }

  #flush(): void {
    this.#isFlushing = false;
    if (this.#isGone) return;
    this.#flushPage();
    if (this.unsentBytes > this.#options.unsentBytesMax) {
      const waits = `${this.unsentBytes} bytes wait for the other side, which does not read them`;
      this.destroy(new MqError('MQ_CONNECTION_LOST', waits));
      return;
    }
    this.#flow.send();
    if (this.unsentBytes > 0) this.#deadlines.lookAt(this.#flow.movedAtMs + this.#options.stalledMs);
    if (this.#isEnding && this.#flow.isHandedOver) this.#transport.end();
  }

  #left(): void {
    this.#flush();
    if (!this.#owesDrained || this.isOver || this.unsentBytes > CONGESTED_BYTES) return;
    this.#owesDrained = false;
    this.#session?.drained();
  }

  #dues(): readonly Due[] {
    const { stalledMs } = this.#options;
    const stalled = (): void =>
      this.destroy(new MqError('MQ_CONNECTION_LOST', `the other side took nothing for ${stalledMs} ms`));
    const dues: Due[] = [];
    if (this.unsentBytes > 0) dues.push({ atMs: this.#flow.movedAtMs + stalledMs, act: stalled });
    if (this.#isEnding) return [...dues, { atMs: this.#endedAtMs + stalledMs, act: () => this.destroy() }];
    if (!this.#isBroken) dues.push(...this.#duesOfReading(), ...this.#duesOfPulse());
    return dues;
  }

  #duesOfReading(): readonly Due[] {
    const { handshakeTimeoutMs, frameTimeoutMs } = this.#options;
    const dues: Due[] = [];
    const late = (what: string): void => this.fail(new MqError('MQ_REQUEST_TIMEOUT', what));
    if (!this.#isGreeted) {
      const act = (): void => late(`the client did not introduce itself within ${handshakeTimeoutMs} ms`);
      dues.push({ atMs: this.#openedAtMs + handshakeTimeoutMs, act });
    }
    if (this.#openFrame !== undefined && !this.#isPaused) {
      const act = (): void => late(`a frame took longer than ${frameTimeoutMs} ms`);
      dues.push({ atMs: this.#frameBeganAtMs + frameTimeoutMs, act });
    }
    return dues;
  }

  #duesOfPulse(): readonly Due[] {
    const { sayEveryMs, say, silenceMsMax, onSilence } = this.#pulse;
    const dues: Due[] = [];
    if (silenceMsMax !== undefined && !this.#isPaused) {
      const act = (): void => {
        onSilence?.();
        this.#flush();
        this.destroy(new MqError('MQ_CONNECTION_LOST', `nothing was heard for ${silenceMsMax} ms`));
      };
      dues.push({ atMs: this.#heardAtMs + silenceMsMax, act });
    }
    if (sayEveryMs !== undefined && say !== undefined) {
      const act = (): void => {
        say();
        this.#flush();
      };
      dues.push({ atMs: this.#flow.saidAtMs + sayEveryMs, act });
    }
    return dues;
  }

  #gone(error: MqError | undefined): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#deadlines.stop();
    this.#flow.stop();
    this.#options.onGone(this.#session?.gone(error));
  }
}

function lostError(error: Error): MqError {
  return new MqError('MQ_CONNECTION_LOST', `the connection broke: ${error.message}`, { cause: error });
}
