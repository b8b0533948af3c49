/**
 * A peer that is not ours: it writes what a test says, byte by byte if need be, and reads the frames that come.
 *
 * Always true: nothing is sent that a test did not write; what is awaited comes, or the test fails because the connection
 * ended.
 */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { FRAME, FrameReader } from '../frame.ts';
import { FrameWriter } from '../frame-writer.ts';
import { type Hello, readWelcome, type Welcome, writeHello } from '../handshake.ts';
import { readError } from '../wire-error.ts';

export interface Frame {
  readonly type: number;
  readonly id: number;
  readonly content: Uint8Array;
}

/** Of a client of version 1, which goes on working. */
export const HELLO: Hello = {
  ...{ versionMin: 1, versionMax: 1, heartbeatMs: 10_000, frameBytesMax: 64 * 1024 * 1024 },
  ...{ token: null, name: 'stranger' },
};

/** Of one that speaks all there is. */
export const HELLO_2: Hello = { ...HELLO, versionMax: 2, user: null, password: null };

/** The bytes of the frames that `write` writes. */
export function framesOf(write: (out: FrameWriter) => void): Buffer {
  const out = new FrameWriter();
  write(out);
  return Buffer.concat(out.take());
}

export class Stranger {
  readonly socket: Socket;
  readonly #frames: Frame[] = [];
  readonly #reader: FrameReader;
  #isOver = false;
  #wake: () => void = () => undefined;

  constructor(port: number) {
    this.#reader = new FrameReader({
      frameBytesMax: 2 ** 31,
      onFrame: (type, id, content) => {
        if (type !== FRAME.heartbeat) this.#frames.push({ type, id, content: new Uint8Array(content) });
      },
    });
    this.socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.socket.on('data', (bytes: Buffer) => {
      this.#reader.push(bytes);
      this.#wake();
    });
    // A reset is one of the ways in which a server may end a conversation with somebody hostile.
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.#isOver = true;
      this.#wake();
    });
  }

  /** One that was let in. */
  static async greeted(port: number, hello: Partial<Hello> = {}): Promise<Stranger & { readonly welcome: Welcome }> {
    const stranger = new Stranger(port);
    stranger.write((out) => writeHello(out, { ...HELLO, ...hello }));
    const { type, content } = await stranger.next();
    assert.equal(type, FRAME.welcome, 'a welcome');
    return Object.assign(stranger, { welcome: readWelcome(content) });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  write(write: (out: FrameWriter) => void): void {
    this.socket.write(framesOf(write));
  }

  /** The next frame that is no heartbeat. */
  async next(): Promise<Frame> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) return frame;
      assert.ok(!this.#isOver, 'a frame, and not the end of the connection');
      await this.#more();
    }
  }

  /** The next `count` of them. */
  async some(count: number): Promise<readonly Frame[]> {
    const frames: Frame[] = [];
    while (frames.length < count) frames.push(await this.next());
    return frames;
  }

  /** Everything up to the end of the connection. */
  async rest(): Promise<readonly Frame[]> {
    while (!this.#isOver) await this.#more();
    return this.#frames.splice(0);
  }

  /** The code with which the server says goodbye before it ends the connection; undefined when it says nothing. */
  async goodbye(): Promise<string | undefined> {
    const last = (await this.rest()).at(-1);
    return last?.type === FRAME.goodbye ? readError(last.content).code : undefined;
  }

  destroy(): void {
    this.socket.destroy();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
