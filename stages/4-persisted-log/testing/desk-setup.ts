/** A group desk over partitions in memory, on virtual time, and what a test says to it in few words. */
import assert from 'node:assert/strict';
import { VirtualClock } from '../../../shared/clock.ts';
import type { GroupOptions } from '../../../shared/contract/description.ts';
import { LIMITS, type Limits } from '../../../shared/contract/limits.ts';
import type { Delivery } from '../../../shared/contract/message.ts';
import { SeededRandom } from '../../../shared/random.ts';
import { GROUP_DEFAULTS } from '../../2-ring-buffer/reading-options.ts';
import type {
  DyingRecord,
  GiveBack,
  GroupDeskOptions,
  LeaseClaim,
  ReceiveWant,
} from '../delivery/desk-surroundings.ts';
import { GroupDesk } from '../delivery/group-desk.ts';
import type { GroupEvent } from '../delivery/group-events.ts';
import type { MatcherOf } from '../delivery/record-matcher.ts';
import { MemoryPartition } from './memory-partition.ts';

export interface DeskSetupOptions {
  readonly partitionCount?: number;
  readonly options?: Partial<GroupOptions>;
  readonly limits?: Partial<Limits>;
  readonly ttlMs?: number;
  readonly memberTimeoutMs?: number;
  readonly starts?: readonly number[];
  /** Default: dead letters are kept in `buried`. */
  readonly bury?: ((dying: DyingRecord) => Promise<void>) | undefined;
  readonly clock?: VirtualClock;
  /** Default: filters are of no effect. */
  readonly matcherOf?: MatcherOf;
}

export interface DeskSetup {
  readonly clock: VirtualClock;
  readonly desk: GroupDesk;
  readonly partitions: readonly MemoryPartition[];
  /** The first of them. */
  readonly log: MemoryPartition;
  readonly events: GroupEvent[];
  readonly buried: DyingRecord[];
  readonly settings: GroupDeskOptions;
  /** How often the floor may have moved, and how often the last member was gone. */
  readonly told: { progressCount: number; emptyCount: number; isTopicPaused: boolean; waitersAllowed: boolean };
  receive(
    want?: Partial<ReceiveWant> & { readonly waitMs?: number; readonly signal?: AbortSignal },
  ): Promise<readonly Delivery[]>;
  /** The only one that must come. */
  receiveOne(want?: Partial<ReceiveWant>): Promise<Delivery>;
  ack(delivery: Delivery, options?: { readonly isCumulative?: boolean }): boolean;
  nack(delivery: Delivery, how?: Partial<GiveBack>): boolean;
}

export function setUpDesk(setup: DeskSetupOptions = {}): DeskSetup {
  const clock = setup.clock ?? new VirtualClock();
  const partitions = Array.from(
    { length: setup.partitionCount ?? 1 },
    (_, partition) => new MemoryPartition({ partition, now: () => clock.now() }),
  );
  const events: GroupEvent[] = [];
  const buried: DyingRecord[] = [];
  const told = { progressCount: 0, emptyCount: 0, isTopicPaused: false, waitersAllowed: true };
  const settings = settingsOf(setup, { clock, partitions, events, buried, told });
  const desk = new GroupDesk({ ...settings, starts: setup.starts ?? partitions.map(() => 0) });
  desk.start();
  const receive: DeskSetup['receive'] = ({ waitMs = 0, signal, ...want } = {}) =>
    desk.receive({ memberId: 'a', max: 1, bytesMax: 1_000_000, leaseMs: 30_000, ...want }, { waitMs, signal });
  return {
    ...{ clock, desk, partitions, log: partitions[0] as MemoryPartition, events, buried, settings, told },
    receive,
    async receiveOne(want) {
      const [delivery] = await receive(want);
      assert.ok(delivery, 'a delivery');
      return delivery;
    },
    ack: (delivery, { isCumulative = false } = {}) => desk.ackAll([claimOf(delivery)], { isCumulative }).length === 0,
    nack: (delivery, how) =>
      desk.nack(claimOf(delivery), { outcome: 'retry', delayMs: undefined, error: undefined, ...how }),
  };
}

/** What opens the lease of a delivery. */
export function claimOf({ partition, offset, memberId, leaseToken }: Delivery): LeaseClaim {
  return { partition, offset: offset ?? 0, memberId, token: leaseToken ?? '' };
}

export function offsetsOf(deliveries: readonly Delivery[]): readonly (number | null)[] {
  return deliveries.map(({ offset }) => offset);
}

interface Surroundings extends Pick<DeskSetup, 'clock' | 'partitions' | 'events' | 'buried' | 'told'> {}

function settingsOf(setup: DeskSetupOptions, around: Surroundings): GroupDeskOptions {
  const { clock, partitions, events, buried, told } = around;
  let startCount = 0;
  const keep = async (dying: DyingRecord): Promise<void> => {
    buried.push(dying);
  };
  return {
    clock,
    limits: { ...LIMITS, ...setup.limits },
    random: new SeededRandom(1),
    memberTimeoutMs: setup.memberTimeoutMs ?? 30_000,
    nextTokenPrefix: () => {
      startCount += 1;
      return `prefix${startCount}`;
    },
    topic: 'orders',
    name: 'kitchen',
    groupId: 1,
    options: { ...GROUP_DEFAULTS, ...setup.options },
    partitions,
    events: { record: (event) => events.push(event) },
    ttlMs: setup.ttlMs,
    ...(setup.matcherOf === undefined ? {} : { matcherOf: setup.matcherOf }),
    isTopicPaused: () => told.isTopicPaused,
    checkMayWait: () => assert.ok(told.waitersAllowed, 'no further call may wait'),
    bury: 'bury' in setup ? setup.bury : keep,
    onProgress: () => {
      told.progressCount += 1;
    },
    onEmpty: () => {
      told.emptyCount += 1;
    },
  };
}
