import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Delivery } from '../../../shared/contract/message.ts';
import { claimOf, offsetsOf, setUpDesk } from '../testing/desk-setup.ts';
import { tagMatcher } from '../testing/tag-matcher.ts';
import { GroupDesk } from './group-desk.ts';

const TAGS = ['a', 'b', 'c'] as const;
type Step =
  | { readonly kind: 'append'; readonly tags: readonly string[] }
  | { readonly kind: 'receive'; readonly tag: string | undefined; readonly max: number }
  | { readonly kind: 'ack' | 'return' | 'evict' | 'restart' | 'look'; readonly index: number }
  | { readonly kind: 'seek'; readonly share: number };

const tag = fc.constantFrom(...TAGS);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.array(tag, { minLength: 1, maxLength: 8 }).map((tags) => ({ kind: 'append', tags }) as const),
  },
  {
    weight: 6,
    arbitrary: fc
      .record({ tag: fc.option(tag, { nil: undefined }), max: fc.integer({ min: 1, max: 6 }) })
      .map((how) => ({ kind: 'receive', ...how }) as const),
  },
  {
    weight: 6,
    arbitrary: fc
      .record({ kind: fc.constantFrom('ack', 'return', 'evict', 'look', 'restart'), index: fc.nat(20) })
      .map((how) => how as Step),
  },
  {
    weight: 1,
    arbitrary: fc.double({ min: 0, max: 1, noNaN: true }).map((share) => ({ kind: 'seek', share }) as const),
  },
);

/** What is to become of each offset, kept as plainly as can be. */
class Model {
  readonly tags: string[] = [];
  readonly states: ('available' | 'in-flight' | 'finished')[] = [];
  readonly #groupTag: string | undefined;

  constructor(groupTag: string | undefined) {
    this.#groupTag = groupTag;
  }

  append(tags: readonly string[]): void {
    for (const own of tags) {
      this.tags.push(own);
      this.states.push(this.#stateAtFirst(own));
    }
  }

  /** All that may go out. A call may get fewer, at least one, when the next is not in memory. */
  wanted(tag: string | undefined, max: number): number[] {
    const found = this.states.flatMap((state, offset) =>
      state === 'available' && (tag === undefined || this.tags[offset] === tag) ? [offset] : [],
    );
    return found.slice(0, max);
  }

  checkReceived(received: readonly (number | null)[], wanted: readonly number[]): void {
    assert.ok(received.length > 0 || wanted.length === 0, `nothing, and ${wanted.join()} were there`);
    assert.deepEqual(received, wanted.slice(0, received.length));
    for (const offset of received) this.states[offset ?? -1] = 'in-flight';
  }

  seek(target: number): void {
    for (const [offset, own] of this.tags.entries())
      this.states[offset] = offset < target ? 'finished' : this.#stateAtFirst(own);
  }

  #stateAtFirst(own: string): 'available' | 'finished' {
    return this.#groupTag === undefined || own === this.#groupTag ? 'available' : 'finished';
  }
}

async function play(steps: readonly Step[], groupTag: string | undefined): Promise<void> {
  const ofGroup =
    groupTag === undefined ? {} : { options: { filter: { tags: [groupTag] } }, matcherOf: () => tagMatcher(groupTag) };
  const { desk: first, log, events, settings } = setUpDesk(ofGroup);
  const model = new Model(groupTag);
  let desk = first;
  let held: Delivery[] = [];
  for (const each of steps) {
    if (each.kind === 'append') {
      log.append(...each.tags.map((own) => ({ headers: { tag: own } })));
      model.append(each.tags);
      desk.serve();
    } else if (each.kind === 'receive') {
      const matcher = each.tag === undefined ? undefined : tagMatcher(each.tag);
      const want = { memberId: 'm', max: each.max, bytesMax: 1_000_000, leaseMs: 1_000_000, matcher };
      const got = await desk.receive(want, { waitMs: 0, signal: undefined });
      model.checkReceived(offsetsOf(got), model.wanted(each.tag, each.max));
      held.push(...got);
    } else if (each.kind === 'seek') {
      const target = Math.floor(each.share * model.tags.length);
      desk.seek(0, target);
      model.seek(target);
      held = [];
    } else if (each.kind === 'evict') log.evict();
    else if (each.kind === 'look') desk.counts();
    else if (each.kind === 'restart') {
      desk.close();
      const snapshot = JSON.parse(JSON.stringify(desk.snapshot()));
      desk = each.index % 2 === 0 ? GroupDesk.restore(settings, snapshot) : new GroupDesk({ ...settings, starts: [0] });
      if (each.index % 2 === 1) for (const event of [...events]) desk.replay(event);
      desk.start();
    } else {
      const [delivery] = held.splice(each.index % Math.max(held.length, 1), 1);
      if (delivery === undefined) continue;
      const offset = delivery.offset ?? 0;
      model.states[offset] = each.kind === 'ack' ? 'finished' : 'available';
      if (each.kind === 'ack') assert.deepEqual(desk.ackAll([claimOf(delivery)], { isCumulative: false }), []);
      else assert.ok(desk.nack(claimOf(delivery), { outcome: 'return', delayMs: undefined, error: undefined }));
    }
  }
  // Whoever asks for everything gets what is left, in order, and then the group stands at the end.
  const all = { memberId: 'm', max: 1000, bytesMax: 1_000_000, leaseMs: 1_000_000 };
  for (let wanted = model.wanted(undefined, 1000); wanted.length > 0; wanted = model.wanted(undefined, 1000)) {
    model.checkReceived(offsetsOf(await desk.receive(all, { waitMs: 0, signal: undefined })), wanted);
  }
  assert.deepEqual(await desk.receive(all, { waitMs: 0, signal: undefined }), []);
  const lowestHeld = Math.min(
    model.tags.length,
    ...model.states.flatMap((state, offset) => (state === 'in-flight' ? [offset] : [])),
  );
  assert.equal(desk.floorOf(0), lowestHeld);
}

test('whatever is asked for, given back, sought and restarted: each call gets the first that match it, and no other', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), (steps) => play(steps, undefined)),
    { numRuns: 300 },
  );
});

test('the same in a group with a filter of its own, for which the rest is finished', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), tag, (steps, own) => play(steps, own)),
    { numRuns: 300 },
  );
});
