import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineTooLong, lineGroups } from './lines.ts';

const WIDE = { countMax: 1000, bytesMax: 1_000_000, lineBytesMax: 1_000_000 };

async function groupsOf(chunks: Iterable<Uint8Array | string>, limits = WIDE): Promise<string[][]> {
  const groups: string[][] = [];
  for await (const group of lineGroups(streamOf(chunks), limits)) {
    groups.push(group.map((line) => Buffer.from(line).toString('latin1')));
  }
  return groups;
}

async function* streamOf(chunks: Iterable<Uint8Array | string>): AsyncGenerator<Uint8Array | string> {
  for (const chunk of chunks) yield typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk;
}

test('only LF ends a line: CR, form feed and U+2028 stay in the body', async () => {
  assert.deepEqual(await groupsOf(['a\r\nb\rc\n\x0b\x0c\x85\n']), [['a\r', 'b\rc', '\x0b\x0c\x85']]);
});

test('an empty line is an empty message, and a last line without LF is a message', async () => {
  assert.deepEqual(await groupsOf(['\n\na']), [['', ''], ['a']]);
  assert.deepEqual(await groupsOf(['a\n']), [['a']]);
  assert.deepEqual(await groupsOf([]), []);
});

test('a line that comes in pieces is one line', async () => {
  assert.deepEqual(await groupsOf(['a', 'b', '', 'c\nd', '\n']), [['abc'], ['d']]);
});

test('whatever the bytes and wherever they are cut, lines joined by LF are the input again', async () => {
  const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => array.map((byte) => (byte < 60 ? 0x0a : byte)));
  await fc.assert(
    fc.asyncProperty(fc.array(bytes, { maxLength: 8 }), fc.integer({ min: 1, max: 5 }), async (chunks, countMax) => {
      const groups = await groupsOf(chunks, { ...WIDE, countMax });
      assert.ok(groups.every((group) => group.length >= 1 && group.length <= countMax));
      const input = Buffer.concat(chunks).toString('latin1');
      const lines = groups.flat().map((line) => `${line}\n`);
      assert.equal(lines.join(''), input === '' || input.endsWith('\n') ? input : `${input}\n`);
    }),
  );
});

test('a group holds at most the bytes it may, and one longer line stands alone', async () => {
  const limits = { ...WIDE, bytesMax: 4 };
  assert.deepEqual(await groupsOf(['aa\nbb\nc\n123456\nd\n'], limits), [['aa', 'bb'], ['c'], ['123456'], ['d']]);
});

test('a line that is too long is named by its number, after every line before it', async () => {
  const seen: number[] = [];
  const reading = (async () => {
    const input = streamOf(['a\nb\n123', '45', '6\n']);
    for await (const group of lineGroups(input, { ...WIDE, lineBytesMax: 4 })) seen.push(group.length);
  })();
  await assert.rejects(reading, (error) => error instanceof LineTooLong && error.lineNumber === 3);
  assert.deepEqual(seen, [2]);
});

test('nothing is read before the group before it was taken', async () => {
  let readCount = 0;
  async function* counting(): AsyncGenerator<string> {
    for (;;) {
      readCount += 1;
      yield 'line\n';
    }
  }
  const groups = lineGroups(counting(), WIDE);
  await groups.next();
  assert.equal(readCount, 1);
  await groups.next();
  assert.equal(readCount, 2);
  await groups.return(undefined);
});
