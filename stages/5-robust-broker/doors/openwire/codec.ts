/**
 * Commands of OpenWire as frames, and back.
 *
 *     | size int32, of what follows | type code | fields |
 *
 * Always true (I37): reading what was written gives the same command; a frame that has bytes left over, or too few, is
 * `MQ_PROTOCOL`. Pure. The session, and tests that play a client, use it.
 */
import { MqError } from '../../../../shared/contract/errors.ts';
import { COMMAND, type Command } from './commands.ts';
import { WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

/** Bytes of the size before a frame. */
export const SIZE_BYTES = 4;
/** The answer to most commands: size, type, three fields. */
const RESPONSE_BYTES = 14;

/** The command in a frame, without its size. What it has of bytes are those of the frame. */
export function decodeCommand(frame: Buffer, version: number): Command {
  const reader = new WireReader(frame, version);
  const command = COMMAND.read(reader);
  if (reader.remaining > 0) {
    throw new MqError('MQ_PROTOCOL', `${reader.remaining} bytes are left over behind a ${command.type}`);
  }
  return command;
}

/** A whole frame, with its size. */
export function encodeCommand(command: Command, version: number): Buffer {
  const writer = command.type === 'Response' ? new WireWriter(version, RESPONSE_BYTES) : new WireWriter(version);
  writer.int(0);
  COMMAND.write(writer, command);
  writer.sizeAt(0);
  return writer.take();
}
