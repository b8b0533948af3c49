/**
 * Bodies of messages as a Java client writes them, and as all doors have them (bodies.ts).
 *
 *     TextMessage     length int, text as Java writes it        compressed: all of it, deflated; of a BytesMessage
 *     MapMessage      a map of typed values                     behind its length
 *     StreamMessage   typed values one behind the other
 *     BytesMessage, ObjectMessage   the bytes; an object stays what it is, and nobody looks into it
 *
 * Always true: what comes compressed is bounded before it is unpacked; what leaves is never compressed. Pure.
 */
import { constants, inflateSync } from 'node:zlib';
import { ownBytes } from '../../../../shared/contract/body.ts';
import { MqError } from '../../../../shared/contract/errors.ts';
import type { Body, BodyKind } from '../bodies.ts';
import type { MessageType, WireMessage } from './commands.ts';
import { decodeMap, decodeStream, encodeMap, encodeStream } from './typed-wire.ts';
import { WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

const TYPES: Readonly<Record<BodyKind, MessageType>> = {
  text: 'TextMessage',
  bytes: 'BytesMessage',
  map: 'MapMessage',
  stream: 'StreamMessage',
  object: 'ObjectMessage',
  none: 'Message',
};
const NOTHING = Buffer.alloc(0);
const LENGTH_BYTES = 4;

/** `contentBytesMax`: of a compressed one when it is unpacked. `MQ_PROTOCOL` or `MQ_MESSAGE_TOO_LARGE`. */
export function bodyOf(message: WireMessage, contentBytesMax: number): Body {
  const { type, isCompressed } = message;
  const packed = message.content;
  const content = packed !== null && isCompressed ? unpack(type, packed, contentBytesMax) : packed;
  switch (type) {
    case 'TextMessage':
      return { kind: 'text', text: content === null ? null : new WireReader(content, 0).longText() };
    case 'MapMessage':
      return { kind: 'map', entries: content === null ? new Map() : decodeMap(content) };
    case 'StreamMessage':
      return { kind: 'stream', values: content === null ? [] : decodeStream(content) };
    case 'BytesMessage':
      return { kind: 'bytes', bytes: ownBytes(content ?? NOTHING) };
    case 'ObjectMessage':
      return { kind: 'object', bytes: ownBytes(content ?? NOTHING) };
    default:
      return { kind: 'none' };
  }
}

/** The type of the message, and its content. */
export function contentOf(body: Body): { readonly type: MessageType; readonly content: Buffer | null } {
  return { type: TYPES[body.kind], content: bytesOf(body) };
}

function bytesOf(body: Body): Buffer | null {
  switch (body.kind) {
    case 'text': {
      if (body.text === null) return null;
      const writer = new WireWriter(0);
      writer.longText(body.text);
      return writer.take();
    }
    case 'map':
      return encodeMap(body.entries);
    case 'stream':
      return encodeStream(body.values);
    case 'none':
      return null;
    default:
      return Buffer.from(body.bytes.buffer, body.bytes.byteOffset, body.bytes.byteLength);
  }
}

function unpack(type: MessageType, packed: Buffer, contentBytesMax: number): Buffer {
  const bytes = type === 'BytesMessage' ? packed.subarray(LENGTH_BYTES) : packed;
  if (bytes.length === 0) return NOTHING;
  try {
    return inflateSync(bytes, { maxOutputLength: contentBytesMax, finishFlush: constants.Z_SYNC_FLUSH });
  } catch (error) {
    if (error instanceof RangeError) {
      throw new MqError('MQ_MESSAGE_TOO_LARGE', `unpacked the content has more than ${contentBytesMax} bytes`);
    }
    throw new MqError('MQ_INVALID_ARGUMENT', 'the content is said to be compressed, and is not', { cause: error });
  }
}
