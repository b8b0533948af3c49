/**
 * The client of `byte-floor.ts`: bytes there, synced, and back.
 *
 * Always true: a floor has no messages, only bytes; as many bytes as a message takes are counted as one, and what has
 * come back is compared in number, not in content.
 */
import { connect, type Socket } from 'node:net';
import type { Run } from '../race.ts';
import { ANSWER_MS_MAX, settled } from '../servers/deadline.ts';
import type { Door } from '../servers/server-process.ts';
import { type Counts, NO_COUNTS } from '../tally.ts';
import { READS, SENDS } from './byte-floor.ts';
import { timed } from './door-run.ts';

/** Bytes that are not yet acknowledged: what the batches of `end-to-end.ts` come to. */
const UNSYNCED_BYTES_MAX = 6 * 1024 * 1024;
const READ_BYTES = 256 * 1024;

export interface FloorRunOptions {
  readonly door: Door;
  /** Sent one after the other. */
  readonly pieces: readonly Uint8Array[];
  /** Messages the pieces stand for. */
  readonly count: number;
}

/** All pieces there, synced, and back on another connection. */
export async function runByteFloor({ door, pieces, count }: FloorRunOptions): Promise<Run> {
  const totalBytes = pieces.reduce((sum, { length }) => sum + length, 0);
  const done = Promise.withResolvers<void>();
  let receivedBytes = 0;
  const reader = await connectTo(door, (bytes) => {
    receivedBytes += bytes.length;
    if (receivedBytes >= totalBytes) done.resolve();
  });
  let syncedBytes = 0;
  let wake = (): void => undefined;
  let rest = Buffer.alloc(0);
  const sender = await connectTo(door, (bytes) => {
    rest = rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([rest, bytes]);
    const usable = rest.length - (rest.length % 8);
    if (usable > 0) syncedBytes = rest.readDoubleBE(usable - 8);
    rest = rest.subarray(usable);
    wake();
  });
  const work = async (): Promise<undefined> => {
    sender.write(SENDS);
    let sentBytes = 0;
    for (const piece of pieces) {
      while (sentBytes - syncedBytes > UNSYNCED_BYTES_MAX) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      sender.write(piece);
      sentBytes += piece.length;
    }
    await settled(done.promise, { msMax: ANSWER_MS_MAX, otherwise: 'the bytes did not come back' });
    return undefined;
  };
  reader.write(READS);
  try {
    const counts = (): Counts => {
      const received = Math.floor((receivedBytes / totalBytes) * count);
      return { ...NO_COUNTS, sent: count, received, lost: count - received };
    };
    return await timed(door, { count, counts, work });
  } finally {
    sender.destroy();
    reader.destroy();
  }
}

/** `onBytes` is given a view of memory that is used again. */
export function connectTo(door: Door, onBytes: (bytes: Uint8Array) => void): Promise<Socket> {
  const { hostname, port } = new URL(door.url);
  const buffer = Buffer.alloc(READ_BYTES);
  return new Promise((resolve, reject) => {
    const callback = (length: number): boolean => {
      onBytes(buffer.subarray(0, length));
      return true;
    };
    const socket = connect({ host: hostname, port: Number(port), noDelay: true, onread: { buffer, callback } }, () => {
      resolve(socket);
    });
    socket.once('error', reject);
  });
}
