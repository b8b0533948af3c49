import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DiskFile } from './disk.ts';
import { everySubset, everyTear, seededFate } from './power-cut.ts';
import { SeededRandom } from './random.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import type { Fate } from './simulated-nodes.ts';
import { contentOf, writeFile } from './testing/disk-behaviour.ts';

/** A file `/a` with safe bytes, open for more. */
async function begun(text: string): Promise<{ readonly disk: SimulatedDisk; readonly file: DiskFile }> {
  const disk = new SimulatedDisk();
  await writeFile(disk, '/a', text);
  await disk.syncFolder('/');
  return { disk, file: await disk.open('/a', 'write') };
}

async function contentsAfter(disk: SimulatedDisk, fates: Iterable<Fate>): Promise<readonly string[]> {
  const contents = new Set<string>();
  for (const fate of fates) contents.add(await contentOf(disk.remains(fate), '/a'));
  return [...contents].sort();
}

test('every subset of two writes: none, either, both, in whatever order they reached the disk', async () => {
  const { disk, file } = await begun('....');
  await file.write([Buffer.from('12')], 0);
  await file.write([Buffer.from('ab')], 1);
  assert.deepEqual(await contentsAfter(disk, everySubset(disk.unsynced)), ['....', '.ab.', '12..', '1ab.']);
});

test('a later write that is there without the earlier one leaves a hole of zeros', async () => {
  const { disk, file } = await begun('..');
  await file.write([Buffer.from('12')], 2);
  await file.write([Buffer.from('ab')], 4);
  const contents = await contentsAfter(disk, everySubset(disk.unsynced));
  assert.deepEqual(contents, ['..', '..\0\0ab', '..12', '..12ab']);
});

test('every tear of the last write: after each byte, the file as long as it got or as long as it should be', async () => {
  const { disk, file } = await begun('.');
  await file.write([Buffer.from('first')], 1);
  await file.write([Buffer.from('abc')], 6);
  const contents = await contentsAfter(disk, everyTear(disk.unsynced));
  assert.deepEqual(contents, ['.first', '.firsta', '.firstab', '.first\0\0\0', '.firsta\0\0', '.firstab\0'].sort());
});

test('a write over old bytes is torn into new and old', async () => {
  const { disk, file } = await begun('....');
  await file.write([Buffer.from('abc')], 0);
  assert.deepEqual(await contentsAfter(disk, everyTear(disk.unsynced)), ['....', 'a...', 'ab..']);
});

test('chance cuts the same way with the same seed, and finds whole, lost, half and sector-torn writes', async () => {
  const { disk, file } = await begun('');
  const sectors = ['a', 'b', 'c'].map((letter) => Buffer.alloc(512, letter));
  await file.write(sectors, 0);
  const shapes = new Set<string>();
  for (let seed = 0; seed < 300; seed += 1) {
    const [content, again] = await Promise.all(
      [0, 1].map(() => contentOf(disk.remains(seededFate(new SeededRandom(seed))), '/a')),
    );
    assert.equal(content, again);
    shapes.add((content ?? '').replace(/(.)\1*/gs, (run) => (run.length % 512 === 0 ? (run[0] ?? '') : '~')));
  }
  for (const shape of ['', 'abc', 'a', 'ab', 'a\0c', '\0b\0', '~']) assert.ok(shapes.has(shape), JSON.stringify(shape));
});

test('sectors are those of the disk, not of the write', async () => {
  const { disk, file } = await begun('');
  await file.write([Buffer.alloc(20, 'x')], 502);
  const tornAt = new Set<number>();
  for (let seed = 0; seed < 200; seed += 1) {
    const random = new SeededRandom(seed);
    const fate: Fate = (change) => {
      const kept = seededFate(random)(change);
      if (typeof kept === 'object' && kept.isGrown) for (const { from } of kept.ranges) tornAt.add(from);
      return kept;
    };
    disk.remains(fate);
  }
  assert.deepEqual(
    [...tornAt].sort((a, b) => a - b),
    [0, 10],
  );
});
