/**
 * Topics in which a broker tells of itself: `$sys/expired`, `$sys/dead`, `$sys/slow-consumer`, `$sys/group-changed`,
 * `$sys/flow-control`, `$sys/topic-changed`.
 *
 *     channel --> JSON, gathered for a turn --> one batch --> [ $sys/dead: the youngest ] --> fetch, receive
 *
 * Always true: an advisory is never about a `$sys/` topic, so none causes another; nobody waits for one (I25): what comes
 * faster than it can be stored is dropped and counted; their topics are small, drop what is old, and are not synced.
 * Callers read them like any topic and cannot send to them. docs/operations.md has the bodies. The composition opens them.
 */
import type { TopicOptions } from '../../../shared/contract/description.ts';
import { LIMITS } from '../../../shared/contract/limits.ts';
import type { Metric } from '../../../shared/contract/metrics.ts';
import { checkMessage } from '../../../shared/contract/validation.ts';
import { type Storing, storeMessages } from '../../4-persisted-log/storing.ts';
import { CHANNELS, type LifeChannel, type LifeEvent, type Source } from './channels.ts';

const PREFIX = '$sys/';

/** Advisories that wait to be stored, of one topic. */
const PENDING_COUNT_MAX = 256;

/** When a topic has so many, the older half goes: one by one, each would be a sync. */
const KEPT_COUNT_MAX = 1000;

const TOPIC_OPTIONS: TopicOptions = Object.freeze({
  messagesMax: KEPT_COUNT_MAX + PENDING_COUNT_MAX,
  bytesMax: 1024 * 1024,
  overflow: 'drop-oldest',
  partitionCount: 1,
});

/** What is told where. */
const TOLD = {
  [`${PREFIX}expired`]: CHANNELS.expired,
  [`${PREFIX}dead`]: CHANNELS.dead,
  [`${PREFIX}slow-consumer`]: CHANNELS.slowConsumer,
  [`${PREFIX}group-changed`]: CHANNELS.groupChanged,
  [`${PREFIX}flow-control`]: CHANNELS.flowControl,
  [`${PREFIX}topic-changed`]: CHANNELS.topicChanged,
} as Readonly<Record<string, LifeChannel<LifeEvent>>>;

/** Their names. */
export const ADVISORY_TOPICS: readonly string[] = Object.freeze(Object.keys(TOLD));

/** All of one topic. */
interface Desk {
  readonly name: string;
  pending: string[];
  isStoring: boolean;
}

export class Advisories {
  readonly #storing: Storing;
  readonly #ends: (() => void)[] = [];
  #storedCount = 0;
  #droppedCount = 0;

  private constructor(storing: Storing) {
    this.#storing = storing;
  }

  /** Makes the topics that are missing, and begins to tell; people are told of one that cannot be made. */
  static async open(storing: Storing, source: Source): Promise<Advisories> {
    const advisories = new Advisories(storing);
    for (const [name, channel] of Object.entries(TOLD)) {
      try {
        await storing.topics.createOnce(name, TOPIC_OPTIONS);
      } catch (error) {
        // Messages matter more than what is told about them.
        storing.settings.onNotice(`${name} cannot be made, and nothing is told there: ${String(error)}`);
        continue;
      }
      const desk: Desk = { name, pending: [], isStoring: false };
      advisories.#ends.push(channel.watch(source, (event) => advisories.#take(desk, event)));
    }
    return advisories;
  }

  metrics(): readonly Metric[] {
    const counter = (name: string, help: string, value: number): Metric => {
      return { name, kind: 'counter', help, series: [{ labels: {}, value }] };
    };
    return [
      counter('mq_advisories_count', 'advisories stored', this.#storedCount),
      counter('mq_advisories_dropped_count', 'advisories that could not be stored', this.#droppedCount),
    ];
  }

  /** Tells nothing more. */
  close(): void {
    for (const end of this.#ends) end();
  }

  #take(desk: Desk, { source: _source, ...told }: LifeEvent): void {
    if ('topic' in told && String(told.topic).startsWith(PREFIX)) return;
    if (desk.pending.length >= PENDING_COUNT_MAX) {
      this.#droppedCount += 1;
      return;
    }
    desk.pending.push(JSON.stringify(told));
    if (desk.isStoring) return;
    desk.isStoring = true;
    // What else happens in this turn goes into the same batch.
    queueMicrotask(() => void this.#store(desk));
  }

  async #store(desk: Desk): Promise<void> {
    while (desk.pending.length > 0) {
      const bodies = desk.pending;
      desk.pending = [];
      try {
        await storeMessages(this.#storing, messagesFor(desk.name, bodies), AT_ONCE);
        this.#storedCount += bodies.length;
        await this.#dropOld(desk);
      } catch {
        // The disk is full, or the broker closes: it is told of by other means, and nobody waits for this one.
        this.#droppedCount += bodies.length;
      }
    }
    desk.isStoring = false;
  }

  async #dropOld({ name }: Desk): Promise<void> {
    const topic = await this.#storing.topics.find(name);
    const partition = topic.partition(0);
    if (partition.heldCount < KEPT_COUNT_MAX) return;
    topic.room.drop(partition, partition.highWatermark - KEPT_COUNT_MAX / 2);
  }
}

const AT_ONCE = Object.freeze({ partition: 0, signal: undefined, timeoutMs: 0, producer: undefined });
const HEADERS = Object.freeze({ 'content-type': 'application/json' });

function messagesFor(name: string, bodies: readonly string[]) {
  const messages = bodies.map((body) => {
    const content = checkMessage('message', { body, headers: HEADERS }, LIMITS);
    return { content, priority: 0, ttlMs: undefined, deliverAt: undefined };
  });
  return { name, path: 'messages', messages, code: 'MQ_BATCH_TOO_LARGE' } as const;
}
