/**
 * A socket that carries frames: what client and server have in common.
 *
 *     socket --pieces--> FrameReader --> onFrame
 *     socket <--one write a turn-- FrameWriter <-- out
 *
 * Always true (I25): what is written in one turn of the event loop leaves in one write; what was not taken by the other
 * side yet is bounded (`unsentBytesMax`), and so is the time in which nothing of it is taken (`stalledMs`); a peer of
 * which nothing is heard for two heartbeats is gone. `onGone` is called exactly once, and after it nothing else is.
 */
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../../../shared/clock.ts';
import { MqError } from '../../../../shared/contract/errors.ts';
import { Outflow, socketCarrier } from '../outflow.ts';
import { FRAME, FrameReader, type OnFrame } from './frame.ts';
import { FrameWriter } from './frame-writer.ts';
import { freeBytes, freeThoseThatLeft } from './spent-bytes.ts';
import { asMqError } from './wire-error.ts';

/** Ticks of the pulse in one heartbeat, so that no silence is longer than was agreed. */
const TICKS_PER_HEARTBEAT = 2;
/** Heartbeats that may be missed. */
const MISSED_MAX = 2;

export interface ChannelOptions {
  readonly socket: Socket;
  readonly clock: Clock;
  readonly frameBytesMax: number;
  readonly unsentBytesMax: number;
  readonly stalledMs: number;
  /** For one frame, from its first byte to its last. */
  readonly frameTimeoutMs: number;
  readonly onFrame: OnFrame;
  /** All that was written is on its way, after the channel was congested. */
  readonly onDrain?: () => void;
  /** The other side broke the protocol: nothing more is read, and the owner says goodbye and calls `end`. */
  readonly onBroken: (error: MqError) => void;
  /** The connection is over: because of `error`, or because one side ended it. */
  readonly onGone: (error: MqError | undefined) => void;
}

export class Channel {
  /** Frames that are to leave; `flush` sees to it. */
  readonly out = new FrameWriter();
  readonly #options: ChannelOptions;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #reader: FrameReader;
  /** Taken from `out`. */
  readonly #flow: Outflow;
  #heardAtMs: number;
  /** When the frame began that is not whole. */
  #frameBeganAtMs = 0;
  #frameBegun = 0;
  #pulse: Timer | undefined;
  #heartbeatMs = Number.POSITIVE_INFINITY;
  #isFlushing = false;
  #isPaused = false;
  #isEnding = false;
  #isGone = false;
  #endReason: MqError | undefined;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#socket = options.socket;
    this.#clock = options.clock;
    this.#reader = new FrameReader(options);
    this.#heardAtMs = this.#clock.monotonicMs();
    const { socket, clock } = options;
    this.#flow = new Outflow({ carrier: socketCarrier(socket), clock, onLeft: (pieces) => this.#left(pieces) });
    socket.setNoDelay(true);
    socket.on('data', (piece: Buffer) => {
      this.receive(piece);
      freeBytes(piece); // whoever keeps some of it has a copy
    });
    socket.on('error', (error) => this.destroy(lostError(error)));
    socket.on('close', () => this.#gone(this.#endReason));
  }

  /** I25. Not taken by the other side, in bytes. */
  get unsentBytes(): number {
    return this.out.bytes + this.#flow.unsentBytes;
  }

  /** More waits to leave than is sensible: nothing should be begun that makes it more. */
  get isCongested(): boolean {
    return this.#flow.isCongested;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  set frameBytesMax(bytesMax: number) {
    this.#reader.frameBytesMax = bytesMax;
  }

  /** The next bytes that came; for a socket that has no `data` events. */
  receive(piece: Uint8Array): void {
    this.#read(() => this.#reader.push(piece));
  }

  /** Nothing of what comes is looked at, and little more is read, until `release`. */
  hold(): void {
    this.#reader.hold();
    this.pause();
  }

  release(): void {
    this.resume();
    this.#read(() => this.#reader.release());
  }

  #read(take: () => void): void {
    this.#heardAtMs = this.#clock.monotonicMs();
    try {
      take();
      if (this.#reader.begunCount === this.#frameBegun) return;
      this.#frameBegun = this.#reader.begunCount;
      this.#frameBeganAtMs = this.#heardAtMs;
    } catch (error) {
      this.#reader.stop();
      this.#options.onBroken(asMqError(error));
    }
  }

  /** What was written leaves at the end of this turn. */
  flush(): void {
    if (this.#isFlushing || this.#isGone) return;
    this.#isFlushing = true;
    setImmediate(() => this.#flush());
  }

  /** From now on both sides say something at least every `heartbeatMs`. */
  startPulse(heartbeatMs: number): void {
    this.#heartbeatMs = heartbeatMs;
    this.#heardAtMs = this.#clock.monotonicMs();
    this.#tick();
  }

  /** Reads nothing until `resume`; the other side is then slowed down by TCP itself, and owes no heartbeats. */
  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#heardAtMs = this.#clock.monotonicMs();
    this.#socket.resume();
  }

  /** Nothing more is read; what was written still leaves, and then the connection ends, after `stalledMs` at the latest. */
  end(reason?: MqError): void {
    if (this.#isEnding || this.#isGone) return;
    this.#isEnding = true;
    this.#endReason = reason;
    this.#reader.stop();
    this.#socket.resume(); // what still comes is read away, so that the other side can come to its end
    this.#pulse?.cancel();
    this.#pulse = this.#clock.setTimer(() => this.destroy(undefined), this.#options.stalledMs, { isBackground: true });
    this.#flush();
  }

  /** Ends at once; what was not sent is lost. */
  destroy(error: MqError | undefined): void {
    if (this.#isGone) return;
    this.#socket.destroy();
    this.#gone(error);
  }

  #flush(): void {
    this.#isFlushing = false;
    if (this.#isGone) return;
    for (const piece of this.out.take()) this.#flow.push(piece);
    if (this.unsentBytes > this.#options.unsentBytesMax) {
      const waits = `${this.unsentBytes} bytes wait for the other side, which does not read them`;
      this.destroy(new MqError('MQ_CONNECTION_LOST', waits));
      return;
    }
    this.#flow.send();
    if (this.#isEnding && this.#flow.isHandedOver && !this.#socket.writableEnded) this.#socket.end();
  }

  #left(pieces: readonly Uint8Array[]): void {
    freeThoseThatLeft(pieces);
    const wasCongested = this.#flow.isCongested;
    this.#flush();
    if (wasCongested && !this.#flow.isCongested && !this.#isGone) this.#options.onDrain?.();
  }

  #tick(): void {
    if (this.#isGone || this.#isEnding) return;
    const nowMs = this.#clock.monotonicMs();
    const tickMs = this.#heartbeatMs / TICKS_PER_HEARTBEAT;
    if (this.unsentBytes > 0 && nowMs - this.#flow.movedAtMs >= this.#options.stalledMs) {
      this.destroy(new MqError('MQ_CONNECTION_LOST', `the other side took nothing for ${this.#options.stalledMs} ms`));
      return;
    }
    const silenceMsMax = MISSED_MAX * this.#heartbeatMs;
    const silentMs = this.#isPaused ? 0 : nowMs - this.#heardAtMs;
    if (silentMs >= silenceMsMax) {
      this.destroy(new MqError('MQ_CONNECTION_LOST', `nothing was heard for ${MISSED_MAX} heartbeats`));
      return;
    }
    if (this.#isLate(nowMs)) {
      this.#reader.stop();
      const { frameTimeoutMs } = this.#options;
      this.#options.onBroken(new MqError('MQ_REQUEST_TIMEOUT', `a frame took longer than ${frameTimeoutMs} ms`));
      return;
    }
    if (nowMs - this.#flow.saidAtMs >= tickMs && this.unsentBytes === 0) {
      this.out.begin(FRAME.heartbeat, 0).end();
      this.#flush();
    }
    const nextMs = Math.min(tickMs, silenceMsMax - silentMs);
    this.#pulse = this.#clock.setTimer(() => this.#tick(), nextMs, { isBackground: true });
  }

  #isLate(nowMs: number): boolean {
    const isWithin = this.#reader.isWithinFrame && !this.#isPaused;
    return isWithin && nowMs - this.#frameBeganAtMs >= this.#options.frameTimeoutMs;
  }

  #gone(error: MqError | undefined): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#reader.stop();
    this.#pulse?.cancel();
    this.#flow.stop();
    this.#options.onGone(error);
  }
}

function lostError(error: Error): MqError {
  return new MqError('MQ_CONNECTION_LOST', `the connection broke: ${error.message}`, { cause: error });
}
