/**
 * The floor of everything that is stored safely: bytes come over TCP, are appended to a file, wait for an fdatasync that
 * all bytes which came meanwhile share, and only then are acknowledged and go out again. Nothing is looked at.
 *
 *     sender  --- 's' bytes ... -->  append, fdatasync  --- the same bytes -->  'r' reader
 *             <-- f64, synced so far ---
 *
 * Always true: what is acknowledged or handed on is on the disk; at most `UNSYNCED_BYTES_MAX` wait for the disk. One
 * sender and one reader at a time, the reader first: it is the floor of a bench and no server for strangers.
 */

import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { DiskFile } from '../../shared/disk.ts';
import { RealDisk } from '../../shared/real-disk.ts';
import { listening } from './echo-server.ts';

/** First byte of a connection. */
export const SENDS = 's';
export const READS = 'r';

const UNSYNCED_BYTES_MAX = 32 * 1024 * 1024;
/** The same as the TCP door reads with. */
const READ_BYTES = 256 * 1024;

export async function startByteFloor({ dataFolder = '.' }: { readonly dataFolder?: string }): Promise<string> {
  const disk = new RealDisk();
  let runCount = 0;
  let reader: Socket | undefined;
  const server: Server = createServer({ noDelay: true, highWaterMark: READ_BYTES }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', (first: Buffer) => {
      if (first[0] === READS.charCodeAt(0)) {
        reader = socket;
        return;
      }
      runCount += 1;
      const path = join(dataFolder, `floor-${runCount}.log`);
      void disk.open(path, 'create').then((file) => {
        const sync = new SyncedStream({ file, sender: socket, reader });
        sync.take(first.subarray(1));
        socket.on('data', (bytes: Buffer) => sync.take(bytes));
        socket.resume();
        socket.on('close', () => void file.close().then(() => disk.remove(path)));
      });
      socket.pause(); // until there is a file
    });
  });
  return await listening(server);
}

interface StreamOptions {
  readonly file: DiskFile;
  readonly sender: Socket;
  readonly reader: Socket | undefined;
}

/** Group commit: one write and one sync under way, and what comes meanwhile shares the next. */
class SyncedStream {
  readonly #options: StreamOptions;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #position = 0;
  #isWriting = false;

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  take(bytes: Buffer): void {
    if (bytes.length > 0) {
      this.#waiting.push(bytes);
      this.#waitingBytes += bytes.length;
      if (this.#waitingBytes > UNSYNCED_BYTES_MAX) this.#options.sender.pause();
    }
    if (!this.#isWriting) void this.#write();
  }

  async #write(): Promise<void> {
    const { file, sender, reader } = this.#options;
    this.#isWriting = true;
    while (this.#waiting.length > 0) {
      const [pieces, bytes] = [this.#waiting, this.#waitingBytes];
      [this.#waiting, this.#waitingBytes] = [[], 0];
      sender.resume();
      await file.write(pieces, this.#position);
      await file.sync();
      this.#position += bytes;
      const synced = Buffer.allocUnsafe(8);
      synced.writeDoubleBE(this.#position);
      sender.write(synced);
      reader?.cork();
      for (const piece of pieces) reader?.write(piece);
      reader?.uncork();
    }
    this.#isWriting = false;
  }
}
