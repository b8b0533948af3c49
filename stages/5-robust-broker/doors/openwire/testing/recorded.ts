/**
 * What ActiveMQ's Java client 5.17 wrote, recorded between it and this door: without their sizes, in hexadecimal.
 *
 *     frames.txt            one of each shape of each command, behind its name
 *     queue-producer.txt    a whole conversation: a program that sends ten messages to a queue
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SIZE_BYTES } from '../codec.ts';

export interface RecordedFrame {
  readonly type: string;
  /** With its size. */
  readonly bytes: Buffer;
}

export function recordedFrames(): readonly RecordedFrame[] {
  return linesOf('frames.txt').map((line) => {
    const [type = '', hex = ''] = line.split(' ');
    return { type, bytes: withSize(Buffer.from(hex, 'hex')) };
  });
}

export function recordedConversation(): readonly Buffer[] {
  return linesOf('queue-producer.txt').map((hex) => withSize(Buffer.from(hex, 'hex')));
}

export function withSize(frame: Buffer): Buffer {
  const size = Buffer.alloc(SIZE_BYTES);
  size.writeInt32BE(frame.length);
  return Buffer.concat([size, frame]);
}

function linesOf(name: string): string[] {
  return readFileSync(join(import.meta.dirname, 'recorded', name), 'utf8')
    .trim()
    .split('\n');
}
