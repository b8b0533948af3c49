import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type AcceptedBatch, DedupWindow } from './dedup-window.ts';

class World {
  readonly window: DedupWindow;
  now = 1000;
  #nextOffset = 0;

  constructor({ windowMs = 100, idsMax = 1000 } = {}) {
    this.window = new DedupWindow({ windowMs, idsMax });
  }

  /** `new at 3`, `known at 3 of 0`, or `partly`. */
  send(ids: readonly string[], more: Partial<AcceptedBatch> = {}): string {
    const found = this.window.find(ids, this.now);
    if (found === 'partly') return found;
    if (found !== 'new') return `known at ${found.baseOffset} of ${found.partition}`;
    const baseOffset = this.#nextOffset;
    this.window.add({ ids, at: this.now, partition: 0, baseOffset, ...more });
    this.#nextOffset += ids.length;
    return `new at ${baseOffset}`;
  }
}

describe('what is known', () => {
  test('an id is known for its window, counted from the first message with it, and then new', () => {
    const world = new World();
    assert.equal(world.send(['a'], { partition: 2 }), 'new at 0');
    world.now += 60;
    assert.equal(world.send(['a']), 'known at 0 of 2');
    world.now += 39;
    assert.equal(world.send(['a']), 'known at 0 of 2');
    world.now += 1;
    assert.equal(world.send(['a']), 'new at 1');
    world.now += 99;
    assert.equal(world.send(['a']), 'known at 1 of 0');
  });

  test('ids that only look alike are different', () => {
    const world = new World();
    const ids = ['é', 'e\u0301', 'É', '\u212b', 'Å', 'A\u030a', '1', '１', 'a', 'a ', 'A', '𝒂'];
    for (const id of ids) assert.match(world.send([id]), /^new/, id);
    for (const [index, id] of ids.entries()) assert.equal(world.send([id]), `known at ${index} of 0`, id);
  });

  test('a batch is known as a whole, in its order; a message of it also alone', () => {
    const world = new World();
    world.send(['x']);
    assert.equal(world.send(['a', 'b', 'c']), 'new at 1');
    assert.equal(world.send(['a', 'b', 'c']), 'known at 1 of 0');
    assert.equal(world.send(['b']), 'known at 2 of 0');
    for (const ids of [
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'b', 'a'],
      ['a', 'b', 'c', 'd'],
      ['x', 'a'],
      ['d', 'c'],
    ]) {
      assert.equal(world.send(ids), 'partly', ids.join());
    }
    assert.equal(world.send(['d', 'e']), 'new at 4');
  });

  test('a batch with one id twice is none that can be known', () => {
    const world = new World();
    assert.equal(world.send(['a', 'b', 'a']), 'partly');
    assert.equal(world.window.size, 0);
  });

  test('a batch that lost a part of its ids to the window is known in part', () => {
    const world = new World({ idsMax: 4 });
    world.send(['a', 'b', 'c']);
    world.send(['d', 'e']);
    assert.equal(world.send(['a', 'b', 'c']), 'partly');
    assert.equal(world.send(['a']), 'new at 5');
  });

  test('what is taken back is not known, and what came meanwhile is', () => {
    const world = new World();
    world.send(['x']);
    const number = world.window.add({ ids: ['a', 'b'], at: world.now, partition: 0, baseOffset: 1 });
    world.send(['y']);
    world.window.takeBack(number, 2);
    assert.equal(world.window.size, 2);
    assert.match(world.send(['a']), /^new/);
    world.window.takeBack(number, 2);
    assert.match(world.send(['a']), /^known/, 'it is another one');
    assert.match(world.send(['y']), /^known/);
  });

  test('a message that is not due yet is known with its time, each of a batch with its own', () => {
    const world = new World();
    world.send(['a', 'b'], { partition: 3, baseOffset: 70, deliverAts: [5000, 6000] });
    world.send(['c']);
    const found = world.window.find(['b'], world.now);
    assert.ok(typeof found === 'object');
    assert.deepEqual([found.partition, found.deliverAt], [3, 6000]);
    assert.equal(world.window.firstDelayedOffset(world.now), 70);
    world.now += 100;
    assert.equal(world.window.firstDelayedOffset(world.now), Number.POSITIVE_INFINITY);
  });

  test('a clock that goes back forgets nothing before its time', () => {
    const world = new World();
    world.send(['a']);
    world.now -= 500;
    assert.equal(world.send(['b']), 'new at 1');
    assert.equal(world.send(['a']), 'known at 0 of 0');
    world.now += 599;
    assert.equal(world.send(['b']), 'known at 1 of 0');
    world.now += 1;
    assert.equal(world.send(['b']), 'new at 2');
  });
});

test('of more ids than it may remember it knows the last ones', () => {
  const world = new World({ idsMax: 2 });
  for (const id of ['a', 'b', 'c']) world.send([id]);
  assert.match(world.send(['c']), /^known/);
  assert.match(world.send(['b']), /^known/);
  assert.match(world.send(['a']), /^new/);
  assert.equal(world.window.size, 2);
});

test('a window is what a list of all that was sent would be', () => {
  const step = fc.record({
    ids: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'), { minLength: 1, maxLength: 3 }),
    passMs: fc.constantFrom(0, 0, 1, 5, 20),
    isTakenBack: fc.constantFrom(false, false, false, true),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), fc.constantFrom(5, 1000), (steps, idsMax) => {
      const window = new DedupWindow({ windowMs: 40, idsMax });
      const sent: { ids: readonly string[]; at: number; baseOffset: number; number: number }[] = [];
      let now = 0;
      for (const [baseOffset, { ids, passMs, isTakenBack }] of steps.entries()) {
        now += passMs;
        const rows = sent.flatMap((batch) =>
          batch.ids.map((id, index) => ({ id, batch, index, number: batch.number + index })),
        );
        const end = Math.max(0, ...rows.map(({ number }) => number + 1));
        const live = rows.filter(
          ({ id, batch, number }) => id !== '-' && now - batch.at < 40 && number >= end - idsMax,
        );
        const known = ids.map((id) => live.find((row) => row.id === id));
        const first = known[0];
        const isBatch =
          first !== undefined &&
          (ids.length === 1 ||
            (first.batch.ids.length === ids.length &&
              known.every((row, index) => row?.batch === first.batch && row.index === index)));
        const found = window.find(ids, now);
        if (isBatch) assert.equal(typeof found === 'object' && found.baseOffset, first.batch.baseOffset + first.index);
        else assert.equal(found, known.every((row) => row === undefined) ? 'new' : 'partly');
        assert.equal(window.size, live.length);
        if (found !== 'new') continue;
        const number = window.add({ ids, at: now, partition: 0, baseOffset });
        // What is taken back keeps its numbers: they count for `idsMax` until they are gone.
        sent.push({ ids: isTakenBack ? ids.map(() => '-') : ids, at: now, baseOffset, number });
        if (isTakenBack) window.takeBack(number, ids.length);
      }
    }),
    { numRuns: 300 },
  );
});
