/** Lines that go wrong where text is expected: for tests that send files and want them back byte for byte. */
import { randomBytes } from 'node:crypto';

const LF = 0x0a;

/** Lines of every awkward kind, each with its number, so that order shows. */
export function awkwardLines(count: number): Buffer {
  const kinds = [
    (line: number) => Buffer.from(`${line} plain`),
    () => Buffer.from(''),
    (line: number) => Buffer.from(`${line} with CR at the end\r`),
    (line: number) => Buffer.concat([Buffer.from(`${line} `), Buffer.from([0xff, 0xfe, 0x00, 0x80, 0xc3])]),
    (line: number) => Buffer.from(`${line} 消息 \u2028 \x0b\x0c\x85`),
    (line: number) =>
      Buffer.concat([Buffer.from(`${line} `), Buffer.from(randomBytes(200).map((byte) => byte | 0x20))]),
  ];
  const lines = Array.from({ length: count }, (_, line) => kinds[line % kinds.length]?.(line) ?? Buffer.alloc(0));
  return Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
}

/** The lines of `file`, each with its LF. */
export function linesOf(file: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let from = 0; from < file.length; ) {
    const end = file.indexOf(LF, from);
    const to = end === -1 ? file.length : end + 1;
    lines.push(file.subarray(from, to));
    from = to;
  }
  return lines;
}
