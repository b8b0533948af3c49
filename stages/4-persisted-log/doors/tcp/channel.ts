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
import { FRAME, FrameReader, type OnFrame } from './frame.ts';
import { FrameWriter } from './frame-writer.ts';
import { asMqError } from './wire-error.ts';

/** What Node is given at once: above it the channel is congested, and what comes is kept here. */
const WRITE_BYTES_MAX = 1024 * 1024;
/** Ticks of the pulse in one heartbeat, so that no silence is longer than was agreed. */
const TICKS_PER_HEARTBEAT = 2;
/** Heartbeats that may be missed. */
const MISSED_MAX = 2;

export interface ChannelOptions {
  readonly socket: Socket;
  readonly clock: Clock;
  readonly frameBytesMax: number;
  /** Whether frames are put together in memory that is used again. */
  readonly reuses: boolean;
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
  /** Taken from `out`, not given to the socket yet. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** Given to the socket, which has not said yet that they left. */
  #writingBytes = 0;
  /** When bytes last left, or there were none; monotonic ms. */
  #movedAtMs: number;
  #heardAtMs: number;
  #saidAtMs: number;
  /** When the frame began that is not whole. */
  #frameBeganAtMs = 0;
  #frameBegun = 0;
  #pulse: Timer | undefined;
  #heartbeatMs = Number.POSITIVE_INFINITY;
  #isFlushing = false;
  #isCongested = false;
  #isPaused = false;
  #isEnding = false;
  #isGone = false;
  #endReason: MqError | undefined;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#socket = options.socket;
    this.#clock = options.clock;
    this.#reader = new FrameReader(options);
    const nowMs = this.#clock.monotonicMs();
    this.#movedAtMs = nowMs;
    this.#heardAtMs = nowMs;
    this.#saidAtMs = nowMs;
    const { socket } = options;
    socket.setNoDelay(true);
    socket.on('data', (piece: Buffer) => this.receive(piece));
    socket.on('error', (error) => this.destroy(lostError(error)));
    socket.on('close', () => this.#gone(this.#endReason));
  }

  /** I25. Not taken by the other side, in bytes. */
  get unsentBytes(): number {
    return this.out.bytes + this.#waitingBytes + this.#writingBytes;
  }

  /** More waits to leave than is sensible: nothing should be begun that makes it more. */
  get isCongested(): boolean {
    return this.#isCongested;
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
    for (const piece of this.out.take()) {
      this.#waiting.push(piece);
      this.#waitingBytes += piece.length;
    }
    if (this.unsentBytes > this.#options.unsentBytesMax) {
      const waits = `${this.unsentBytes} bytes wait for the other side, which does not read them`;
      this.destroy(new MqError('MQ_CONNECTION_LOST', waits));
      return;
    }
    this.#write();
    if (this.#isEnding && this.unsentBytes === this.#writingBytes && !this.#socket.writableEnded) this.#socket.end();
  }

  /** Gives the socket what it may have at once. */
  #write(): void {
    if (this.#waiting.length === 0 || this.#writingBytes >= WRITE_BYTES_MAX) {
      this.#isCongested = this.#waiting.length > 0;
      return;
    }
    if (this.#writingBytes === 0) this.#movedAtMs = this.#clock.monotonicMs();
    this.#saidAtMs = this.#clock.monotonicMs();
    const pieces = this.#nextPieces(WRITE_BYTES_MAX - this.#writingBytes);
    this.#isCongested = this.#waiting.length > 0;
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    this.#writingBytes += bytes;
    const last = pieces.pop();
    this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    if (last !== undefined) this.#socket.write(last, (error) => this.#left(bytes, error));
    this.#socket.uncork();
  }

  /** Pieces of `bytesMax` bytes together: the last one may be part of a larger one. */
  #nextPieces(bytesMax: number): Uint8Array[] {
    let [bytes, count] = [0, 0];
    for (const piece of this.#waiting) {
      if (bytes + piece.length > bytesMax) break;
      bytes += piece.length;
      count += 1;
    }
    const pieces = this.#waiting.splice(0, count);
    const [next] = this.#waiting;
    if (next !== undefined && bytes < bytesMax) {
      pieces.push(next.subarray(0, bytesMax - bytes));
      this.#waiting[0] = next.subarray(bytesMax - bytes);
      bytes = bytesMax;
    }
    this.#waitingBytes -= bytes;
    return pieces;
  }

  #left(bytes: number, error: Error | null | undefined): void {
    if (this.#isGone || error) return; // the socket's own 'error' says so
    this.#writingBytes -= bytes;
    this.#movedAtMs = this.#clock.monotonicMs();
    const wasCongested = this.#isCongested;
    this.#flush();
    if (wasCongested && !this.#isCongested && !this.#isGone) this.#options.onDrain?.();
  }

  #tick(): void {
    if (this.#isGone || this.#isEnding) return;
    const nowMs = this.#clock.monotonicMs();
    const tickMs = this.#heartbeatMs / TICKS_PER_HEARTBEAT;
    if (this.unsentBytes > 0 && nowMs - this.#movedAtMs >= this.#options.stalledMs) {
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
    if (nowMs - this.#saidAtMs >= tickMs && this.unsentBytes === 0) {
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
    this.#waiting = [];
    this.#options.onGone(error);
  }
}

function lostError(error: Error): MqError {
  return new MqError('MQ_CONNECTION_LOST', `the connection broke: ${error.message}`, { cause: error });
}
