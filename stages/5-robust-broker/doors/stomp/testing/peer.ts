/**
 * A client that is not ours: it writes what a test says, byte by byte if need be, and reads the frames that come, by the
 * simplest rules there are.
 *
 * Always true: nothing is sent that a test did not write; what is awaited comes, or the test fails because the connection
 * ended.
 */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';

/** A frame as a server wrote it: nothing is unescaped. */
export interface Said {
  readonly command: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Text in which `^@` is the end of a frame, as people write STOMP. */
export function wire(text: string): Buffer {
  return Buffer.from(text.replaceAll('^@', '\0'), 'utf8');
}

export class Peer {
  readonly socket: Socket;
  /** Line ends between frames. */
  beatCount = 0;
  #bytes = Buffer.alloc(0);
  /** Came before a receipt that was awaited. */
  readonly #passedBy: Said[] = [];
  #isOver = false;
  #wake: () => void = () => undefined;

  constructor(port: number) {
    this.socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.socket.on('data', (bytes: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
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
  static async connected(port: number, headers = 'accept-version:1.2\nhost:localhost\n'): Promise<Peer> {
    const peer = new Peer(port).says(`CONNECT\n${headers}\n^@`);
    assert.equal((await peer.hears()).command, 'CONNECTED');
    return peer;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  says(text: string): this {
    this.socket.write(wire(text));
    return this;
  }

  /** The next frame. */
  async hears(): Promise<Said> {
    return this.#passedBy.shift() ?? (await this.#hears());
  }

  async #hears(): Promise<Said> {
    for (;;) {
      const said = this.#next();
      if (said !== undefined) return said;
      assert.ok(!this.#isOver, 'a frame, and not the end of the connection');
      await this.#more();
    }
  }

  /** Says it with a receipt, and awaits that; what comes before it is heard afterwards. */
  async asks(command: string, headers: Readonly<Record<string, string>> = {}, body = ''): Promise<void> {
    const lines = Object.entries({ ...headers, receipt: 'asked' }).map(([name, value]) => `${name}:${value}\n`);
    this.says(`${command}\n${lines.join('')}\n${body}^@`);
    for (;;) {
      const said = await this.#hears();
      assert.notEqual(said.command, 'ERROR', said.body);
      if (said.command === 'RECEIPT' && said.headers['receipt-id'] === 'asked') return;
      this.#passedBy.push(said);
    }
  }

  /** All frames up to the end of the connection. */
  async rest(): Promise<readonly Said[]> {
    while (!this.#isOver) await this.#more();
    const frames = this.#passedBy.splice(0);
    for (let said = this.#next(); said !== undefined; said = this.#next()) frames.push(said);
    return frames;
  }

  /** The code of the ERROR after which the connection ended; undefined when there was none. */
  async error(): Promise<string | undefined> {
    return (await this.rest()).findLast(({ command }) => command === 'ERROR')?.headers.code;
  }

  /** Looks at what has come by now. */
  async beat(): Promise<void> {
    const said = this.#next();
    if (said !== undefined) this.#passedBy.push(said);
    await new Promise((resolve) => setImmediate(resolve));
  }

  destroy(): void {
    this.socket.destroy();
  }

  #next(): Said | undefined {
    while (this.#bytes[0] === 10) {
      this.#bytes = this.#bytes.subarray(1);
      this.beatCount += 1;
    }
    const headEnd = this.#bytes.indexOf('\n\n');
    if (headEnd === -1) return undefined;
    const [command = '', ...lines] = this.#bytes.subarray(0, headEnd).toString('utf8').split('\n');
    const pairs = lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)] as const);
    const headers = Object.fromEntries(pairs.toReversed());
    const bodyAt = headEnd + 2;
    const length = headers['content-length'];
    const end = length === undefined ? this.#bytes.indexOf(0, bodyAt) : bodyAt + Number(length);
    if (end === -1 || end >= this.#bytes.length) return undefined;
    const body = this.#bytes.subarray(bodyAt, end).toString('latin1');
    this.#bytes = this.#bytes.subarray(end + 1);
    return { command, headers, body };
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
