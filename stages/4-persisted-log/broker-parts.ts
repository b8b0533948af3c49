/**
 * What the broker of this stage is made of, put together from its options: the topics from the data folder, and all they
 * share.
 *
 * Always true: options are checked before anything is touched; what was opened is closed when opening fails.
 */

import type { BrokerOptions } from '../../shared/broker-options.ts';
import { limitsWith } from '../../shared/broker-options.ts';
import { type Clock, checkClock } from '../../shared/clock.ts';
import { type Capability, capabilitiesOfStage } from '../../shared/contract/capabilities.ts';
import type { TopicOptions } from '../../shared/contract/description.ts';
import type { MqError } from '../../shared/contract/errors.ts';
import type { Limits } from '../../shared/contract/limits.ts';
import type { Disk } from '../../shared/disk.ts';
import { checkRandom } from '../../shared/random.ts';
import { checkBrokerOptions, checkTopicOptions } from '../1-blocking-queue/checked-options.ts';
import { MessageIds } from '../1-blocking-queue/message-ids.ts';
import { checkMemberTimeoutMs } from '../2-ring-buffer/reading-options.ts';
import type { MatcherOf } from './delivery/record-matcher.ts';
import { DiskWatch } from './disk-watch.ts';
import { BatchCache } from './log/batch-cache.ts';
import type { CheckedLogOptions } from './log-broker-options.ts';
import { type Observer, TraceWriter } from './observer.ts';
import { Trace } from './policies/trace.ts';
import { type NewTopicRules, noRules } from './record-rules.ts';
import type { RoomRequest } from './room-maker.ts';
import { Subscriptions } from './subscriptions.ts';
import type { MovedHalf, TopicSettings } from './topic-settings.ts';
import { TopicTable } from './topic-table.ts';

/** Options of a topic whose creator does not say. */
const TOPIC_DEFAULTS = Object.freeze({
  messagesMax: Number.MAX_SAFE_INTEGER,
  bytesMax: 4 * 1024 * 1024 * 1024,
  overflow: 'wait',
  partitionCount: 1,
} as const satisfies TopicOptions);

/** Of journals and delayed logs, of all topics together, at most: they are read at the start, and when something is due. */
const SIDE_CACHE_BYTES = 4 * 1024 * 1024;
/** Events that are remembered for `explain`. */
const TRACE_COUNT_MAX = 65_536;
/** After the time a caller of `close` gives to accepted work: a disk that hangs must not hang its caller. */
const CLOSE_GRACE_MS = 5000;

const NOTHING: RoomRequest = Object.freeze({ count: 0, heldBytes: 0 });

export interface BrokerParts {
  readonly capabilities: ReadonlySet<Capability>;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly settings: TopicSettings;
  readonly topics: TopicTable;
  readonly subscriptions: Subscriptions;
  readonly ids: MessageIds;
  /** What the ids begin with. */
  readonly idPrefix: string;
  /** Of a caller that does not say which member it is. */
  readonly memberId: string;
  readonly checkTopicOptions: (path: string, options: TopicOptions | undefined) => TopicOptions;
  /** Resolves when everything is on the disk and closed. */
  readonly close: (error: MqError) => Promise<void>;
  /** Settles like `closing`, or resolves when it takes too long. */
  readonly patience: (closing: Promise<void>, timeoutMs: number | undefined) => Promise<void>;
}

export interface OpenPartsOptions {
  readonly base: BrokerOptions;
  readonly own: CheckedLogOptions;
  readonly disk: Disk;
  readonly dataFolder: string;
  /** Runs when everything is closed. */
  readonly onClosed: () => Promise<void>;
  /** Runs when all topics are closed and the folder is not free yet, for what else lies in it. Default: nothing does. */
  readonly closeOthers?: () => Promise<void>;
  /** Default: those of this stage. */
  readonly capabilities?: ReadonlySet<Capability>;
  /** Default: every record counts, for everybody. */
  readonly newTopicRules?: NewTopicRules;
  /** Default: whatever a group's filter says, every record matches. */
  readonly matcherOf?: MatcherOf;
  /** What of the room of a topic is taken by what is kept elsewhere until it comes in. Default: nothing. */
  readonly reservedIn?: (topicId: string) => RoomRequest;
  /** After a start: a record that says that it was a half message. Default: there are none. */
  readonly onHalfMoved?: (moved: MovedHalf) => void;
  /** What besides the format of this stage may lie in the data folder. Default: nothing. */
  readonly features?: readonly string[];
  /** Of one that tells `next` all it is told. Default: nobody else is told. */
  readonly newObserver?: (next: Observer) => Observer;
}

export async function openParts({
  base,
  own,
  disk,
  dataFolder,
  onClosed,
  ...more
}: OpenPartsOptions): Promise<BrokerParts> {
  const {
    capabilities = capabilitiesOfStage(4),
    newTopicRules = noRules,
    matcherOf = () => undefined,
    reservedIn = () => NOTHING,
    onHalfMoved = () => undefined,
    features = [],
    newObserver = (next) => next,
  } = more;
  checkBrokerOptions(base, capabilities);
  const limits = limitsWith(base.limits);
  const rules = { capabilities, limits };
  const topicDefaults = checkTopicOptions('options.topicDefaults', base.topicDefaults, {
    ...rules,
    defaults: TOPIC_DEFAULTS,
  });
  const random = checkRandom('options.random', base.random);
  const clock = checkClock('options.clock', base.clock);
  const instanceId = random.hex(8);
  const { flushPolicy, flushIntervalMs, segmentBytesMax, codec, onNotice, cacheBytesMax, diskReserveBytes } = own;
  const watch = new DiskWatch({ disk, clock, folder: dataFolder, reserveBytes: diskReserveBytes, onNotice });
  const trace = new Trace({ countMax: TRACE_COUNT_MAX, now: clock.now() });
  const settings: TopicSettings = {
    ...{ disk, clock, random, limits, flushPolicy, flushIntervalMs, segmentBytesMax, codec, onNotice },
    memberTimeoutMs: checkMemberTimeoutMs(base.memberTimeoutMs),
    nextTokenPrefix: () => random.hex(8),
    cache: new BatchCache({ bytesMax: cacheBytesMax }),
    sideCache: new BatchCache({ bytesMax: Math.min(SIDE_CACHE_BYTES, cacheBytesMax) }),
    trace,
    observer: newObserver(new TraceWriter({ trace, clock })),
    ...{ features, newTopicRules, matcherOf, reservedIn, onHalfMoved },
    diskShortage: () => watch.shortage(),
  };
  const autoCreateTopics = base.autoCreateTopics ?? true;
  const deadLetterOptions: TopicOptions = { ...TOPIC_DEFAULTS, overflow: 'reject' };
  const topics = await TopicTable.openFolder(dataFolder, {
    settings,
    autoCreateTopics,
    topicDefaults,
    deadLetterOptions,
  });
  const subscriptions = new Subscriptions({ limits, clock });
  return {
    ...{ capabilities, limits, clock, settings, topics, subscriptions },
    ids: new MessageIds(instanceId),
    idPrefix: `${instanceId}-`,
    memberId: `member-${instanceId}`,
    checkTopicOptions: (path, options) => checkTopicOptions(path, options, { ...rules, defaults: topicDefaults }),
    close: async (error) => {
      try {
        await topics.close(error, more.closeOthers);
        await subscriptions.close();
      } finally {
        await onClosed();
      }
    },
    patience: (closing, timeoutMs) => within(clock, closing, timeoutMs),
  };
}

async function within(clock: Clock, closing: Promise<void>, timeoutMs: number | undefined): Promise<void> {
  if (timeoutMs === undefined) return await closing;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.setTimer(resolve, timeoutMs + CLOSE_GRACE_MS);
  try {
    await Promise.race([closing, promise]);
  } finally {
    timer.cancel();
  }
}
