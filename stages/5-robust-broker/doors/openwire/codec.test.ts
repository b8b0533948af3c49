/** Commands as bytes: those that a real client wrote, cut anywhere, and those that nobody should. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMqError } from '../../../../shared/contract/errors.ts';
import type { TypedValue } from '../typed-values.ts';
import { decodeCommand, encodeCommand, SIZE_BYTES } from './codec.ts';
import { VERSIONS } from './commands.ts';
import { FrameCutter } from './frame-cutter.ts';
import { modifiedLength, readModified, writeModified } from './modified-utf8.ts';
import { recordedConversation, recordedFrames } from './testing/recorded.ts';
import { decodeMap, decodeStream, encodeMap, encodeStream } from './typed-wire.ts';

const isProtocolError = (error: unknown): boolean => isMqError(error, 'MQ_PROTOCOL');

test('each command that the Java client wrote is read, and written the same to the last bit', () => {
  const types = new Set<string>();
  for (const { type, bytes } of recordedFrames()) {
    const command = decodeCommand(bytes.subarray(SIZE_BYTES), VERSIONS.max);
    assert.equal(command.type, type);
    assert.deepEqual(encodeCommand(command, VERSIONS.max), bytes);
    types.add(type);
  }
  assert.equal(types.size, 21);
});

test('versions 9 to 12 have the same commands, and read what they write', () => {
  for (let version = VERSIONS.min; version <= VERSIONS.max; version += 1) {
    for (const { bytes } of recordedFrames()) {
      const command = decodeCommand(bytes.subarray(SIZE_BYTES), VERSIONS.max);
      const again = decodeCommand(encodeCommand(command, version).subarray(SIZE_BYTES), version);
      assert.deepEqual(Object.keys(again), Object.keys(command));
      assert.deepEqual(encodeCommand(again, version), encodeCommand(command, version));
    }
  }
});

test('a frame that ends anywhere before its end is refused, as is one with a byte too many', () => {
  for (const { bytes } of recordedFrames()) {
    const frame = bytes.subarray(SIZE_BYTES);
    for (let end = 0; end < frame.length; end += 1) {
      assert.throws(() => decodeCommand(frame.subarray(0, end), VERSIONS.max), isProtocolError);
    }
    assert.throws(() => decodeCommand(Buffer.concat([frame, Buffer.of(0)]), VERSIONS.max), isProtocolError);
  }
});

function cut(pieces: readonly Buffer[]): string[] {
  const frames: string[] = [];
  const cutter = new FrameCutter(65_536, (frame) => void frames.push(frame.toString('hex')));
  for (const piece of pieces) cutter.push(piece);
  assert.equal(cutter.openFrame, undefined);
  return frames;
}

test('a conversation is the same frames wherever it is cut, and byte by byte', () => {
  const bytes = Buffer.concat(recordedConversation());
  const frames = recordedConversation().map((frame) => frame.subarray(SIZE_BYTES).toString('hex'));
  for (let at = 0; at <= bytes.length; at += 1)
    assert.deepEqual(cut([bytes.subarray(0, at), bytes.subarray(at)]), frames);
  assert.deepEqual(cut([...bytes].map((byte) => Buffer.of(byte))), frames);
});

test('a thousand frames in one piece are a thousand frames', () => {
  const [, frame = Buffer.alloc(0)] = recordedConversation();
  assert.equal(cut([Buffer.concat(Array.from({ length: 1000 }, () => frame))]).length, 1000);
});

test('a size of 0, a negative one and one above the limit are refused before anything is kept; the limit itself is not', () => {
  for (const size of [0, -1, 101, 2 ** 31 - 1, -(2 ** 31)]) {
    const cutter = new FrameCutter(100, () => assert.fail('no frame'));
    const bytes = Buffer.alloc(SIZE_BYTES);
    bytes.writeInt32BE(size);
    assert.throws(() => cutter.push(bytes), isProtocolError);
    assert.equal(cutter.keptBytes, 0);
  }
  const frames: number[] = [];
  new FrameCutter(100, ({ length }) => void frames.push(length)).push(
    Buffer.concat([Buffer.of(0, 0, 0, 100), Buffer.alloc(100)]),
  );
  assert.deepEqual(frames, [100]);
});

test('what is held is handed out at the release, in order', () => {
  const frames: string[] = [];
  const cutter = new FrameCutter(100, (frame) => {
    frames.push(frame.toString());
    if (frame.toString() === 'a') cutter.hold();
  });
  const frameOf = (text: string): Buffer => Buffer.concat([Buffer.of(0, 0, 0, text.length), Buffer.from(text)]);
  cutter.push(Buffer.concat([frameOf('a'), frameOf('bb'), Buffer.of(0, 0)]));
  cutter.push(Buffer.concat([Buffer.of(0, 3), Buffer.from('cc')]));
  assert.deepEqual(frames, ['a']);
  cutter.release();
  assert.deepEqual(frames, ['a', 'bb']);
  cutter.push(Buffer.from('c'));
  assert.deepEqual(frames, ['a', 'bb', 'ccc']);
});

test('every string of Java comes back, lone halves and NUL too', () => {
  const anyText = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) });
  const property = fc.property(anyText, (text) => {
    const bytes = Buffer.alloc(modifiedLength(text));
    writeModified(bytes, text, 0);
    assert.equal(readModified(bytes), text);
    assert.ok(!bytes.includes(0));
  });
  fc.assert(property, { numRuns: 300, seed: 1 });
  assert.equal(readModified(Buffer.from('🙂é')), '🙂é');
  for (const bytes of [[0x80], [0xc3], [0xe2, 0x82], [0xff], [0xf8, 0x80, 0x80, 0x80]]) {
    assert.throws(() => readModified(Buffer.from(bytes)), isProtocolError);
  }
});

const scalar: fc.Arbitrary<TypedValue> = fc.oneof(
  fc.constant<TypedValue>({ type: 'null', value: null }),
  fc.boolean().map((value): TypedValue => ({ type: 'boolean', value })),
  fc.integer({ min: -128, max: 127 }).map((value): TypedValue => ({ type: 'byte', value })),
  fc.integer({ min: -32_768, max: 32_767 }).map((value): TypedValue => ({ type: 'short', value })),
  fc.integer().map((value): TypedValue => ({ type: 'int', value })),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value): TypedValue => ({ type: 'long', value })),
  fc.float().map((value): TypedValue => ({ type: 'float', value })),
  fc.double().map((value): TypedValue => ({ type: 'double', value })),
  fc.integer({ min: 0, max: 0xffff }).map((unit): TypedValue => ({ type: 'char', value: String.fromCharCode(unit) })),
  fc.string({ unit: 'grapheme' }).map((value): TypedValue => ({ type: 'string', value })),
  fc.uint8Array().map((value): TypedValue => ({ type: 'bytes', value })),
);
const value: fc.Arbitrary<TypedValue> = fc.letrec<{ value: TypedValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }).map((values): TypedValue => ({ type: 'list', value: values })),
    fc
      .dictionary(fc.string(), tie('value'))
      .map((map): TypedValue => ({ type: 'map', value: new Map(Object.entries(map)) })),
  ),
})).value;

test('values come back with their types, in maps and in streams', () => {
  const property = fc.property(fc.array(value), (values) => {
    assert.deepEqual(decodeStream(encodeStream(values)), values);
    const map = new Map(values.map((each, index) => [`name${index}`, each]));
    assert.deepEqual(decodeMap(encodeMap(map)), map);
  });
  fc.assert(property, { numRuns: 200, seed: 2 });
  const long: TypedValue = { type: 'string', value: 'é'.repeat(40_000) };
  assert.deepEqual(decodeMap(encodeMap(new Map([['long', long]]))), new Map([['long', long]]));
  assert.deepEqual(decodeStream(encodeStream([long])), [long]);
});

test('a map of 2^31 - 1 entries, or of a negative number, is refused at once', () => {
  for (const count of [2 ** 31 - 1, -2, 5]) {
    const bytes = Buffer.alloc(8);
    bytes.writeInt32BE(count);
    assert.throws(() => decodeMap(bytes), isProtocolError);
  }
  assert.deepEqual(decodeMap(Buffer.of(0xff, 0xff, 0xff, 0xff)), new Map());
});

test('maps and lists within each other are bounded, however short each is', () => {
  const bomb = Buffer.concat(Array.from({ length: 10_000 }, () => Buffer.of(12, 0, 0, 0, 1)));
  assert.throws(() => decodeStream(Buffer.concat([bomb, Buffer.of(0)])), /within each other/);
  const many = Buffer.concat(Array.from({ length: 70_000 }, () => Buffer.of(0)));
  assert.throws(() => decodeStream(many), /more than 65536 values/);
});

test('an exception is a name and a text, whatever class is named, and nothing is made of it', () => {
  const command = decodeCommand(
    encodeCommand(
      {
        type: 'ExceptionResponse',
        ...{ commandId: 1, responseRequired: false, correlationId: 2 },
        exception: {
          className: 'org.springframework.context.support.ClassPathXmlApplicationContext',
          message: 'http://evil/x',
        },
      },
      VERSIONS.max,
    ).subarray(SIZE_BYTES),
    VERSIONS.max,
  );
  assert.equal(command.type, 'ExceptionResponse');
  assert.deepEqual(Object.keys(command).sort(), [
    'commandId',
    'correlationId',
    'exception',
    'responseRequired',
    'type',
  ]);
});
