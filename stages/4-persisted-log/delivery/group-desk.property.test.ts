/** Random lives of a group, against a simple model, with restarts in between. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { GroupOptions } from '../../../shared/contract/description.ts';
import { isMqError } from '../../../shared/contract/errors.ts';
import type { Delivery } from '../../../shared/contract/message.ts';
import { DeskModel, type ModelLease } from '../testing/desk-model.ts';
import { claimOf, type DeskSetup, setUpDesk } from '../testing/desk-setup.ts';
import { decodeEvents, EventWriter } from './event-bytes.ts';
import { GroupDesk } from './group-desk.ts';
import type { GroupEvent } from './group-events.ts';

type Operation =
  | {
      readonly do: 'append';
      readonly records: readonly {
        priority: number;
        key?: string | undefined;
        ttlMs?: number | undefined;
        isForOthers: boolean;
      }[];
    }
  | {
      readonly do: 'receive';
      readonly memberId: string;
      readonly max: number;
      readonly leaseMs: number;
      readonly isOnDisk: boolean;
    }
  | { readonly do: 'ack'; readonly pick: number; readonly isCumulative: boolean }
  | {
      readonly do: 'nack';
      readonly pick: number;
      readonly outcome: 'retry' | 'return' | 'reject';
      readonly delayMs: number;
    }
  | { readonly do: 'extend'; readonly pick: number; readonly leaseMs: number }
  | { readonly do: 'leave'; readonly memberId: string }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'seek' | 'release'; readonly to: number }
  | { readonly do: 'pause' | 'resume' | 'restart' };

const member = fc.constantFrom('ann', 'bob', 'cy');
const pick = fc.nat({ max: 1_000_000 });
/** No two times fall on one moment: leases end at multiples of 100, delays at 10 more, records expire at 30 more. */
const leaseMs = fc.constantFrom(100, 200, 500, 1000);
const record = fc.record({
  priority: fc.constantFrom(0, 0, 0, 4, 9),
  key: fc.constantFrom(undefined, undefined, 'x', 'y'),
  ttlMs: fc.constantFrom(undefined, undefined, undefined, 130, 530),
  isForOthers: fc.constantFrom(false, false, false, false, true),
});
const plain = fc.constant({ priority: 0, isForOthers: false });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      records: fc.oneof(
        fc.array(record, { minLength: 1, maxLength: 5 }),
        fc.array(plain, { minLength: 1, maxLength: 8 }),
      ),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('receive' as const),
      memberId: member,
      max: fc.integer({ min: 1, max: 6 }),
      leaseMs,
      isOnDisk: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('ack' as const), pick, isCumulative: fc.constantFrom(false, false, true) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('nack' as const),
      pick,
      outcome: fc.constantFrom('retry' as const, 'retry' as const, 'return' as const, 'reject' as const),
      delayMs: fc.constantFrom(0, 0, 110, 410),
    }),
  },
  fc.record({ do: fc.constant('extend' as const), pick, leaseMs }),
  fc.record({ do: fc.constant('leave' as const), memberId: member }),
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(100, 200, 300, 1000) }) },
  fc.record({ do: fc.constantFrom('seek' as const, 'release' as const), to: pick }),
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('pause' as const, 'resume' as const, 'restart' as const, 'restart' as const),
    }),
  },
);
const groupOptions: fc.Arbitrary<Partial<GroupOptions>> = fc.record({
  mode: fc.constantFrom('shared' as const, 'shared' as const, 'key-ordered' as const),
  deliveriesMax: fc.constantFrom(0, 1, 2, 16),
  onOutOfRange: fc.constantFrom('earliest' as const, 'latest' as const, 'error' as const),
  deadLetterExpired: fc.boolean(),
});

/** The desk, the model, and what was handed out so far by both, in the same order. */
interface Run {
  readonly setup: DeskSetup;
  desk: GroupDesk;
  readonly model: DeskModel;
  readonly deliveries: Delivery[];
  /** What a restart begins with, and how many events there were then. */
  snapshot: string;
  eventCount: number;
}

test('a group does what a simple model of it says, also when it is restarted in between', async () => {
  await fc.assert(
    fc.asyncProperty(
      groupOptions,
      fc.array(operation, { minLength: 1, maxLength: 60, size: 'max' }),
      async (options, operations) => {
        const setup = setUpDesk({ options });
        const run: Run = {
          ...{ setup, desk: setup.desk, model: new DeskModel(setup.settings.options), deliveries: [] },
          ...{ snapshot: JSON.stringify(setup.desk.snapshot()), eventCount: setup.events.length },
        };
        for (const next of operations) {
          await apply(run, next);
          await setup.clock.pass(0); // burials end
          await compare(run);
        }
        run.desk.close();
      },
    ),
    { numRuns: 300 },
  );
});

async function apply(run: Run, operation: Operation): Promise<void> {
  const { setup, model, desk } = run;
  const { clock, log } = setup;
  switch (operation.do) {
    case 'append': {
      log.append(
        ...operation.records.map(({ isForOthers, ...record }) => ({
          ...record,
          forGroup: isForOthers ? 'others' : undefined,
        })),
      );
      for (const { priority, key, ttlMs = Number.POSITIVE_INFINITY, isForOthers } of operation.records) {
        model.append({ priority, key, expiresAt: clock.now() + ttlMs, isForOthers });
      }
      return;
    }
    case 'receive':
      return await receive(run, operation);
    case 'ack': {
      const held = pickOf(run, operation.pick);
      if (held === undefined) return;
      const { isCumulative } = operation;
      const failed = desk.ackAll([claimOf(held.delivery)], { isCumulative });
      assert.equal(failed.length === 0, model.ack(held.lease, isCumulative));
      return;
    }
    case 'nack': {
      const held = pickOf(run, operation.pick);
      if (held === undefined) return;
      const { outcome, delayMs } = operation;
      const expected = model.nack(held.lease, { outcome, delayMs, now: clock.now() });
      assert.equal(desk.nack(claimOf(held.delivery), { outcome, delayMs, error: undefined }), expected);
      return;
    }
    case 'extend': {
      const held = pickOf(run, operation.pick);
      if (held === undefined) return;
      const deadline = clock.now() + operation.leaseMs;
      const expected = model.extend(held.lease, deadline) ? deadline : undefined;
      assert.equal(desk.extend(claimOf(held.delivery), operation.leaseMs), expected);
      return;
    }
    case 'leave':
      desk.leave(operation.memberId);
      return model.leave(operation.memberId);
    case 'pass':
      await clock.pass(operation.ms);
      return model.expireLeases(clock.now());
    case 'seek': {
      const offset = model.logStart + (operation.to % (model.places.length - model.logStart + 1));
      desk.seek(0, offset);
      return model.seek(offset);
    }
    case 'release': {
      const offset = model.logStart + (operation.to % (Math.min(3, model.places.length - model.logStart) + 1));
      log.releaseBelow(offset);
      desk.fallBehind(0);
      return model.releaseBelow(offset);
    }
    case 'pause':
      desk.setPaused(true);
      model.isPaused = true;
      return;
    case 'resume':
      desk.setPaused(false);
      model.isPaused = false;
      return;
    case 'restart':
      return restart(run);
    default:
  }
}

async function receive(run: Run, wanted: Extract<Operation, { do: 'receive' }>): Promise<void> {
  const { setup, model, desk, deliveries } = run;
  const { memberId, max, leaseMs, isOnDisk } = wanted;
  if (isOnDisk) setup.log.evict();
  const call = desk.receive({ memberId, max, bytesMax: 1_000_000, leaseMs }, { waitMs: 0, signal: undefined });
  if (model.strandedAt !== undefined) {
    await assert.rejects(call, (error) => isMqError(error, 'MQ_OFFSET_OUT_OF_RANGE'));
    return;
  }
  const handed = await call;
  // What has to be read from the disk may come with the next call; but something must come with this one.
  const expectedMax = isOnDisk ? Math.max(handed.length, 1) : max;
  const expected = model.receive(memberId, { max: expectedMax, leaseMs, now: setup.clock.now() });
  assert.deepEqual(
    handed.map(({ offset, deliveryCount, redeliveryReason }) => [offset, deliveryCount, redeliveryReason]),
    expected.map(({ offset, count, reason }) => [offset, count, reason]),
  );
  deliveries.push(...handed);
}

/** What happened since the last one goes through its bytes; the next begins with a snapshot now and then only. */
function restart(run: Run): void {
  const { setup, desk } = run;
  desk.close();
  const writer = new EventWriter();
  for (const event of setup.events.slice(run.eventCount)) writer.append(event);
  const restored = GroupDesk.restore(setup.settings, JSON.parse(run.snapshot));
  for (const event of decodeEvents(writer.take())) restored.replay(event as GroupEvent);
  assert.deepEqual(plainOf(restored), plainOf(desk), 'a snapshot and what was recorded after it are the same state');
  const again = GroupDesk.restore(setup.settings, JSON.parse(JSON.stringify(desk.snapshot())));
  assert.deepEqual(plainOf(again), plainOf(desk), 'a snapshot is the same state');
  again.close();
  if (setup.events.length % 3 === 0) {
    run.snapshot = JSON.stringify(desk.snapshot());
    run.eventCount = setup.events.length;
  }
  restored.start();
  run.desk = restored;
}

function plainOf(desk: GroupDesk): unknown {
  return JSON.parse(JSON.stringify(desk.snapshot()));
}

async function compare({ desk, model, setup }: Run): Promise<void> {
  const { log, clock } = setup;
  for (let offset = log.logStartOffset; offset < log.highWatermark; offset += 1) await log.load(offset);
  desk.counts(); // steps over what expired
  model.stepOver(clock.now());
  await clock.pass(0);
  const { waiterCount, ...counts } = desk.counts();
  assert.equal(waiterCount, 0);
  assert.deepEqual(counts, model.counts(clock.now()));
  assert.equal(desk.floorOf(0), model.floor, 'floor');
}

function pickOf({ deliveries, model }: Run, pick: number): { delivery: Delivery; lease: ModelLease } | undefined {
  // The latest ones are the interesting ones.
  const index = deliveries.length - 1 - (pick % Math.min(deliveries.length, 12));
  const [delivery, lease] = [deliveries[index], model.leases[index]];
  return delivery === undefined || lease === undefined ? undefined : { delivery, lease };
}
