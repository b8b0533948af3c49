/**
 * The floors of one message in flight: a TCP server that answers with the bytes it was sent; with a folder, after they
 * were written to a file there and synced.
 */

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { DiskFile } from '../../shared/disk.ts';
import { RealDisk } from '../../shared/real-disk.ts';

/** Resolves to its url; a strange one, so that nobody takes it for a broker's. */
export async function startEchoServer({ dataFolder }: { readonly dataFolder?: string } = {}): Promise<string> {
  const file = dataFolder === undefined ? undefined : await new RealDisk().open(join(dataFolder, 'echo.log'), 'create');
  let position = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes: Buffer) => {
      if (file === undefined) socket.write(bytes);
      else void echoSynced(socket, bytes, { file, position });
      position += bytes.length;
    });
  });
  return await listening(server);
}

interface Place {
  readonly file: DiskFile;
  readonly position: number;
}

async function echoSynced(socket: Socket, bytes: Buffer, { file, position }: Place): Promise<void> {
  await file.write([bytes], position);
  await file.sync();
  socket.write(bytes);
}

/** Resolves to where it listens: a free port of this machine. */
export async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: 0 }, resolve);
  });
  return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
