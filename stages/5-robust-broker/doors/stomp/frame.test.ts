/** Frames as bytes: what is read of them, however they are cut, and what is refused before it costs anything. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMqError } from '../../../../shared/contract/errors.ts';
import { SeededRandom } from '../../../../shared/random.ts';
import { encodeFrame, type Frame, VERSIONS, type Version } from './frame.ts';
import { FrameReader } from './frame-reader.ts';
import { wire } from './testing/peer.ts';

const LIMITS = { headersCountMax: 10, headerBytesMax: 64, headBytesMax: 256, bodyBytesMax: 100 };

type Seen = readonly [command: string, headers: unknown, repeated: unknown, body: string];

function readerOf(version: Version | undefined, frames: Seen[]): FrameReader {
  const onFrame = ({ command, headers, repeated, body }: Frame): void => {
    frames.push([command, Object.fromEntries(headers), repeated, Buffer.from(body).toString('latin1')]);
  };
  const reader = new FrameReader({ ...LIMITS, onFrame });
  reader.version = version;
  return reader;
}

function read(pieces: readonly Uint8Array[], version?: Version): readonly Seen[] {
  const frames: Seen[] = [];
  const reader = readerOf(version, frames);
  for (const piece of pieces) reader.push(Buffer.from(piece));
  return frames;
}

function refusalOf(text: string, version?: Version): string | undefined {
  try {
    read([wire(text)], version);
    return undefined;
  } catch (error) {
    assert.ok(isMqError(error), String(error));
    return error.code;
  }
}

test('headers, bodies by length and up to a NUL, repeated headers of which the first wins', () => {
  const text = '\n\r\nSEND\na:1\nb:2:3\na:2\na:3\n\nbody^@\n\nSEND\ncontent-length:3\n\na\0b^@DISCONNECT\n\n^@\n';
  assert.deepEqual(read([wire(text)], '1.2'), [
    [
      'SEND',
      { a: '1', b: '2:3' },
      [
        ['a', '1'],
        ['a', '2'],
        ['a', '3'],
      ],
      'body',
    ],
    ['SEND', { 'content-length': '3' }, [], 'a\0b'],
    ['DISCONNECT', {}, [], ''],
  ]);
});

test('the same bytes are the same frames: whole, cut at every place, in pieces of one byte, a thousand in one piece', () => {
  const one = wire('\nSEND\r\nkäse:süß\r\nx:\\n\\c\r\ncontent-length:4\r\n\r\na\0\nb^@\r\nSEND\na:b\n\nbody\n^@');
  const whole = read([one], '1.2');
  assert.equal(whole.length, 2);
  for (let at = 0; at <= one.length; at += 1) {
    assert.deepEqual(read([one.subarray(0, at), one.subarray(at)], '1.2'), whole, `cut at ${at}`);
  }
  const bytes = [...one].map((byte) => Uint8Array.of(byte));
  assert.deepEqual(read(bytes, '1.2'), whole);
  const many = Buffer.concat(Array.from({ length: 1000 }, () => one));
  assert.deepEqual(read([many], '1.2'), Array.from({ length: 1000 }, () => whole).flat());
});

test('bodies are not written over by what comes after them', () => {
  const bodies: Uint8Array[] = [];
  const reader = new FrameReader({ ...LIMITS, onFrame: ({ body }) => bodies.push(body) });
  const text = wire('SEND\n\nfirst^@SEND\n\nsecond^@SEND\n\nthird^@');
  for (const byte of text) reader.push(Buffer.from([byte]));
  assert.deepEqual(
    bodies.map((body) => Buffer.from(body).toString()),
    ['first', 'second', 'third'],
  );
});

test('escapes are those of the version: none in 1.0, and in 1.2 one that there is not is an error', () => {
  const text = 'SEND\na\\cb: x\\\\\\n\\c \n\n^@';
  const of = (version: Version): unknown => read([wire(text)], version)[0]?.[1];
  assert.deepEqual(of('1.0'), { 'a\\cb': 'x\\\\\\n\\c' });
  assert.deepEqual(of('1.1'), { 'a:b': ' x\\\n: ' });
  assert.deepEqual(of('1.2'), { 'a:b': ' x\\\n: ' });
  assert.deepEqual(read([wire('SEND\na:\\r\\t\n\n^@')], '1.1')[0]?.[1], { a: '\\r\\t' });
  assert.deepEqual(read([wire('SEND\na:\\r\n\n^@')], '1.2')[0]?.[1], { a: '\r' });
  assert.equal(refusalOf('SEND\na:\\t\n\n^@', '1.2'), 'MQ_PROTOCOL');
  assert.equal(refusalOf('SEND\na:x\\\n\n^@', '1.2'), 'MQ_PROTOCOL');
  assert.deepEqual(read([wire('CONNECT\npasscode:a\\tb\n\n^@')])[0]?.[1], { passcode: 'a\\tb' });
});

test('lines may end with CR LF in 1.2 and before the version is known, and not in 1.0 and 1.1', () => {
  const crlf = 'SEND\r\na:b\r\n\r\nbody^@';
  assert.deepEqual(read([wire(crlf)], '1.2'), [['SEND', { a: 'b' }, [], 'body']]);
  assert.deepEqual(read([wire('CONNECT\r\na:b\r\n\r\n^@')]), [['CONNECT', { a: 'b' }, [], '']]);
  assert.equal(refusalOf(crlf, '1.1'), 'MQ_PROTOCOL');
  assert.equal(refusalOf('SEND\na:b\n\r\n^@', '1.0'), 'MQ_PROTOCOL');
  assert.deepEqual(read([wire('SEND\na:b\r\n\n^@')], '1.1')[0]?.[1], { a: 'b\r' });
});

test('what is no frame is refused', () => {
  const broken = [
    'HELLO\n\n^@',
    'send\n\n^@',
    'MESSAGE\n\n^@',
    'A line that is longer than any command',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and so on',
    'SEND\nno colon\n\n^@',
    'SEND\n:no name\n\n^@',
    'SEND^@',
    'SEND\na:b^@',
    'SEND\na:\0b\n\n^@',
    'SEND\ncontent-length:x\n\n^@',
    'SEND\ncontent-length:-1\n\n^@',
    'SEND\ncontent-length:1e3\n\n^@',
    'SEND\ncontent-length:2\n\nabc^@',
    'ACK\nid:1\n\nbody^@',
    'ACK\nid:1\ncontent-length:1\n\nb^@',
  ];
  for (const text of broken) assert.equal(refusalOf(text, '1.2'), 'MQ_PROTOCOL', JSON.stringify(text));
  assert.equal(refusalOf('NACK\nid:1\n\n^@', '1.0'), 'MQ_PROTOCOL');
  assert.equal(refusalOf('NACK\nid:1\n\n^@', '1.1'), undefined);
  assert.throws(() => read([Buffer.from('SEND\na:\xff\n\n\0', 'latin1')], '1.2'), /UTF-8/);
});

test('every limit is accepted, and one more is not; a body that would be too long is refused by its length alone', () => {
  const headers = (count: number): string => Array.from({ length: count }, (_, index) => `${index}:\n`).join('');
  const of = (text: string): string | undefined => refusalOf(`SEND\n${text}`, '1.2');
  assert.equal(of(`${headers(10)}\n^@`), undefined);
  assert.equal(of(`${headers(11)}\n^@`), 'MQ_MESSAGE_TOO_LARGE');
  assert.equal(of(`a:${'x'.repeat(62)}\n\n^@`), undefined);
  assert.equal(of(`a:${'x'.repeat(63)}\n\n^@`), 'MQ_MESSAGE_TOO_LARGE');
  assert.equal(of(`a:${'x'.repeat(63)}`), 'MQ_MESSAGE_TOO_LARGE');
  const long = `a:${'x'.repeat(60)}\n`.repeat(3);
  assert.equal(of(`${long}b:${'x'.repeat(59)}\n\n^@`), undefined);
  assert.equal(of(`${long}b:${'x'.repeat(60)}\n\n^@`), 'MQ_MESSAGE_TOO_LARGE');
  assert.equal(of(`\n${'x'.repeat(100)}^@`), undefined);
  assert.equal(of(`\n${'x'.repeat(101)}`), 'MQ_MESSAGE_TOO_LARGE');
  assert.equal(of(`content-length:100\n\n${'x'.repeat(100)}^@`), undefined);
  for (const length of [101, 2 ** 31 - 1, 2 ** 32 - 1, 10 ** 14]) {
    assert.equal(of(`content-length:${length}\n\n`), 'MQ_MESSAGE_TOO_LARGE');
  }
});

test('what is written is read as it was meant, in every version that can say it', () => {
  const random = new SeededRandom(7);
  const alphabet = ['a', ':', '\n', '\\', 'ü', '\u{1f600}', 'c', 'n', ' ', '\r'];
  const text = (length: number): string =>
    Array.from({ length }, () => alphabet[random.below(alphabet.length)]).join('');
  for (let round = 0; round < 500; round += 1) {
    const headers = [['x', text(random.below(8))] as const, [`y${text(random.below(4))}`, text(5)] as const];
    const body = Buffer.from(text(random.below(5)));
    const all = [...headers, ['content-length', String(body.length)] as const];
    const pieces = encodeFrame({ command: 'SEND', headers: all, body }, '1.2');
    assert.deepEqual(read(pieces, '1.2')[0], ['SEND', Object.fromEntries(all), [], body.toString('latin1')]);
  }
});

test('no header ends its line or its frame in any version, whatever it is', () => {
  for (const version of VERSIONS) {
    const headers = [['a', 'x\n\nevil\0:\r'] as const, ['b:c', 'd'] as const];
    const [head] = encodeFrame({ command: 'MESSAGE', headers }, version);
    const text = Buffer.from(head ?? []).toString();
    assert.equal(text.split('\n').length, version === '1.0' ? 4 : 5, JSON.stringify(text));
    assert.equal(text.indexOf('\0'), text.length - 1);
  }
});
