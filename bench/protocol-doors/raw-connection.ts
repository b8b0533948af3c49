/** A socket to a door whose frames are cut out by hand, so that the client costs next to nothing. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Answers where the next frame begins, or -1 when this one is not whole; it has done with the frame then. */
export type TakeFrame = (bytes: Buffer, from: number) => number;

export class RawConnection {
  readonly #socket: Socket;
  #rest: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** `onPiece` is called when all whole frames of a piece were taken. */
  static async open(
    url: string,
    takeFrame: TakeFrame,
    onPiece: (connection: RawConnection) => void,
  ): Promise<RawConnection> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    await once(socket, 'connect');
    const connection = new RawConnection(socket);
    socket.on('data', (piece: Buffer) => connection.#read(piece, takeFrame, onPiece));
    return connection;
  }

  write(bytes: Uint8Array | string): void {
    this.#socket.write(bytes);
  }

  async close(): Promise<void> {
    if (this.#socket.destroyed) return;
    const closed = once(this.#socket, 'close');
    this.#socket.destroy();
    await closed;
  }

  #read(piece: Buffer, takeFrame: TakeFrame, onPiece: (connection: RawConnection) => void): void {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    let from = 0;
    while (from < bytes.length) {
      const next = takeFrame(bytes, from);
      if (next < 0) break;
      from = next;
    }
    this.#rest = bytes.subarray(from);
    onPiece(this);
  }
}
