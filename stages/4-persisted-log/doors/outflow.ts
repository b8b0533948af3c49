/**
 * What is on its way to the other side of a connection, and how much of it may be.
 *
 *     push --> waiting --send, at most 1 MiB at once--> carrier: a socket, or a WebSocket --> left
 *
 * Always true (I25): `unsentBytes` counts every byte that was pushed and has not left; while more waits than the carrier takes
 * at once it is congested; `movedAtMs` is when bytes last left, or there were none. Who writes sets the bounds.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../../../shared/clock.ts';

/** What a carrier is given at once: above it the flow is congested, and what comes is kept here. */
const WRITE_BYTES_MAX = 1024 * 1024;

/** Takes bytes away. */
export interface Carrier {
  /** Whether what it is given may be cut anywhere: a socket is a stream, a WebSocket has messages. */
  readonly isStream: boolean;
  /** `onLeft` is called once, when all of them are gone, with an error when they are not. */
  send(pieces: readonly Uint8Array[], onLeft: (error: Error | null | undefined) => void): void;
}

/** Pieces of one send leave in one write. */
export function socketCarrier(socket: Socket): Carrier {
  return {
    isStream: true,
    send(pieces, onLeft) {
      const last = pieces.length - 1;
      const [only] = pieces;
      if (last === 0 && only !== undefined) {
        socket.write(only, onLeft);
        return;
      }
      socket.cork();
      for (const [index, piece] of pieces.entries()) {
        if (index < last) socket.write(piece);
        else socket.write(piece, onLeft);
      }
      socket.uncork();
    },
  };
}

export class Outflow {
  readonly #carrier: Carrier;
  readonly #clock: Clock;
  /** Called with what has left. */
  readonly #onLeft: (pieces: readonly Uint8Array[]) => void;
  /** Not given to the carrier yet. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** Given to the carrier, which has not said yet that they left. */
  #writingBytes = 0;
  #isCongested = false;
  #isStopped = false;
  /** When bytes last left, or there were none; monotonic ms. */
  movedAtMs: number;
  /** When bytes were last given to the carrier; monotonic ms. */
  saidAtMs: number;

  constructor(options: {
    readonly carrier: Carrier;
    readonly clock: Clock;
    readonly onLeft: (pieces: readonly Uint8Array[]) => void;
  }) {
    this.#carrier = options.carrier;
    this.#clock = options.clock;
    this.#onLeft = options.onLeft;
    this.movedAtMs = this.#clock.monotonicMs();
    this.saidAtMs = this.movedAtMs;
  }

  get unsentBytes(): number {
    return this.#waitingBytes + this.#writingBytes;
  }

  /** More waits to leave than is sensible: nothing should be begun that makes it more. */
  get isCongested(): boolean {
    return this.#isCongested;
  }

  /** All of it was given to the carrier. */
  get isHandedOver(): boolean {
    return this.#waiting.length === 0;
  }

  push(piece: Uint8Array): void {
    this.#waiting.push(piece);
    this.#waitingBytes += piece.length;
  }

  /** Gives the carrier what it may have at once. */
  send(): void {
    if (this.#isStopped) return;
    if (this.#waiting.length === 0 || this.#writingBytes >= WRITE_BYTES_MAX) {
      this.#isCongested = this.#waiting.length > 0;
      return;
    }
    const nowMs = this.#clock.monotonicMs();
    if (this.#writingBytes === 0) this.movedAtMs = nowMs;
    this.saidAtMs = nowMs;
    const pieces = this.#nextPieces(WRITE_BYTES_MAX - this.#writingBytes);
    this.#isCongested = this.#waiting.length > 0;
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    this.#waitingBytes -= bytes;
    this.#writingBytes += bytes;
    this.#carrier.send(pieces, (error) => this.#left(pieces, bytes, error));
  }

  /** Nothing more leaves. */
  stop(): void {
    this.#isStopped = true;
    this.#waiting = [];
  }

  /** Pieces of `bytesMax` bytes together: the last one may be part of a larger one, or larger where nothing may be cut. */
  #nextPieces(bytesMax: number): Uint8Array[] {
    let [bytes, count] = [0, 0];
    for (const piece of this.#waiting) {
      if (bytes + piece.length > bytesMax) break;
      bytes += piece.length;
      count += 1;
    }
    const { isStream } = this.#carrier;
    if (count === 0 && !isStream) count = 1;
    const pieces = this.#waiting.splice(0, count);
    const [next] = this.#waiting;
    if (isStream && next !== undefined && bytes < bytesMax) {
      pieces.push(next.subarray(0, bytesMax - bytes));
      this.#waiting[0] = next.subarray(bytesMax - bytes);
    }
    return pieces;
  }

  /** `bytes`: of all pieces. */
  #left(pieces: readonly Uint8Array[], bytes: number, error: Error | null | undefined): void {
    if (this.#isStopped || error) return; // the carrier's own error says so
    this.#writingBytes -= bytes;
    this.movedAtMs = this.#clock.monotonicMs();
    this.#onLeft(pieces);
  }
}
