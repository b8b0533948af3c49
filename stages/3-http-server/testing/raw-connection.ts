/**
 * A socket that speaks HTTP exactly as a test writes it, also wrongly, and reads answers one by one.
 *
 * Always true: nothing is added to what a test writes; an answer is what `content-length` says it is.
 */
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export class RawConnection {
  readonly #socket: Socket;
  #received = '';
  #isEnded = false;
  #wake: (() => void) | undefined;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#socket = connect({ host: hostname, port: Number(port) });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (text) => {
      this.#received += text;
      this.#wake?.();
    });
    // A reset is one of the ways in which a server may end a conversation with somebody hostile.
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => {
      this.#isEnded = true;
      this.#wake?.();
    });
  }

  write(text: string | Uint8Array): void {
    this.#socket.write(text);
  }

  /** Everything up to the end of the connection. */
  async rest(): Promise<string> {
    while (!this.#isEnded) await this.#more();
    return this.#received;
  }

  /** The next answer; undefined when the connection ended instead. */
  async answer(): Promise<RawAnswer | undefined> {
    while (!this.#received.includes('\r\n\r\n')) {
      if (this.#isEnded) return undefined;
      await this.#more();
    }
    const headEnd = this.#received.indexOf('\r\n\r\n');
    const [statusLine = '', ...lines] = this.#received.slice(0, headEnd).split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    const end = headEnd + 4 + Number(headers['content-length'] ?? 0);
    while (this.#received.length < end && !this.#isEnded) await this.#more();
    const body = this.#received.slice(headEnd + 4, end);
    this.#received = this.#received.slice(end);
    return { status: Number(statusLine.split(' ')[1]), headers, body };
  }

  /** Reads nothing more, as a peer that hangs. */
  pause(): void {
    this.#socket.pause();
  }

  /** Reads on. */
  resume(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** A request as text, with a Host, and with a length when it has a body. */
export function requestText(method: string, path: string, headers: readonly string[] = [], body = ''): string {
  const length = body === '' ? [] : [`content-length: ${Buffer.byteLength(body)}`];
  return [`${method} ${path} HTTP/1.1`, 'host: 127.0.0.1', ...headers, ...length, '', body].join('\r\n');
}
