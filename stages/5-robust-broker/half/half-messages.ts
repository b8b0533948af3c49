/**
 * The half messages of a broker: kept where nobody sees them, decided once, and then ordinary messages or nothing.
 *
 *     sendHalf --> [ half log ] --commit--> [ partition ]                 the record says which half it was
 *                       |  \-----abort----> nothing
 *                       +-- nobody could say --> [ $unresolved/topic ]    the same there
 *
 * Always true:
 *   - I15: a half has its room in its topic from the moment it is written, so no commit ever fails for room
 *   - the first answer holds: while one is carried out, all others wait, and then hear what became of it
 *   - at most `limits.halfMessagesCountMax` are open
 * Made by `openHalfMessages`; the spine uses it.
 */
import type { Clock } from '../../../shared/clock.ts';
import { isMqError, MqError } from '../../../shared/contract/errors.ts';
import type {
  EndHalfOptions,
  HalfCheck,
  HalfCheckOptions,
  HalfMessageOptions,
  HalfReceipt,
} from '../../../shared/contract/half-message.ts';
import type { Limits } from '../../../shared/contract/limits.ts';
import type { Message, Receipt } from '../../../shared/contract/message.ts';
import { quote } from '../../../shared/contract/validation.ts';
import type { EncodableMessage } from '../../4-persisted-log/bytes/record.ts';
import { wishedPartition } from '../../4-persisted-log/incoming-batch.ts';
import type { RoomRequest } from '../../4-persisted-log/room-maker.ts';
import type { Topic } from '../../4-persisted-log/topic.ts';
import { checkFits } from '../../4-persisted-log/topic-errors.ts';
import type { CheckSchedule, HalfFacts, OpenHalf } from './half.ts';
import { HalfChecks } from './half-checks.ts';
import { HalfEndings } from './half-endings.ts';
import type { HalfEnds } from './half-ends.ts';
import type { AppendedHalf, HalfLog } from './half-log.ts';
import { checkEndHalf, checkHalf, checkHalfCheck } from './half-options.ts';
import { readOpenHalf } from './half-reading.ts';
import { type HalfEnd, movedBytesMax } from './half-record.ts';
import type { HalfTable } from './half-table.ts';
import { type HalfTopics, isThere } from './half-topics.ts';
import { HalfTrim } from './half-trim.ts';

export interface HalfMessagesOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly topics: HalfTopics;
  readonly schedule: CheckSchedule;
  /** For messages that came without one. */
  readonly nextId: () => string;
  /** Never the same twice, in any life of the broker. */
  readonly nextHalfId: () => string;
  /** Of the log, besides twice what is open: ends are remembered as far. Default 16 MiB. */
  readonly slackBytes?: number;
  /** What goes wrong while nobody waits. */
  readonly onNotice: (text: string) => void;
}

/** What a start found. */
export interface HalfState {
  readonly table: HalfTable;
  readonly ends: HalfEnds;
  readonly log: HalfLog;
}

const SLACK_BYTES = 16 * 1024 * 1024;
export const NOTHING_RESERVED: RoomRequest = Object.freeze({ count: 0, heldBytes: 0 });

export class HalfMessages {
  readonly #options: HalfMessagesOptions;
  readonly #table: HalfTable;
  readonly #ends: HalfEnds;
  readonly #log: HalfLog;
  readonly #endings: HalfEndings;
  readonly #checks: HalfChecks;
  readonly #trim: HalfTrim;

  constructor(options: HalfMessagesOptions, { table, ends, log }: HalfState) {
    const { clock, limits, topics, schedule, slackBytes = SLACK_BYTES, onNotice } = options;
    this.#options = options;
    this.#table = table;
    this.#ends = ends;
    this.#log = log;
    const onPutBack = (): void => this.#checks.arm();
    this.#endings = new HalfEndings({ clock, topics, table, ends, log, onPutBack, onNotice });
    const onExhausted = (half: OpenHalf): void => this.#endings.giveUp(half);
    const { checksMax } = schedule;
    this.#checks = new HalfChecks({ clock, limits, table, log, checksMax, onExhausted });
    const work = (half: OpenHalf, carry: () => Promise<void>): Promise<void> => this.#endings.work(half, carry);
    this.#trim = new HalfTrim({ table, ends, log, slackBytes, work, onNotice });
  }

  /** The topics are open: time begins to run. */
  start(): void {
    this.#endings.writeEnds();
    this.#checks.arm();
  }

  /** Of a topic, those that are just being written included. */
  countIn({ topicId }: Topic): number {
    return this.reservedIn(topicId).count;
  }

  /** What of the room of a topic is taken. */
  reservedIn(topicId: string): RoomRequest {
    return this.#table.shareOf(topicId) ?? NOTHING_RESERVED;
  }

  /** Resolves when it is as safe as the flush policy says. */
  async send(name: string, given: Message, how: HalfMessageOptions): Promise<HalfReceipt> {
    const { message: timed, ...options } = checkHalf(given, how, this.#options);
    const { content, priority, ttlMs } = timed;
    this.#checkMayOpen();
    const { key, headers, body } = content;
    const id = content.id ?? this.#options.nextId();
    const message: EncodableMessage = { body, key, headers, id, priority, ttlMs };
    const heldBytes = movedBytesMax(message);
    const wish = { path: 'message', keyed: [content], given: options.partition };
    const topic = await this.#options.topics.open(name, (target) => {
      checkFits(target, { count: 1, heldBytes }, 'MQ_MESSAGE_TOO_LARGE');
      wishedPartition(wish, target.options.partitionCount ?? 1);
    });
    const { partition } = topic.partitionFor(wish);
    const halfId = this.#options.nextHalfId();
    const { producerGroup, checkAfterMs } = options;
    const half = { halfId, producerGroup, partition, heldBytes, checkAfterMs };
    const store = (): Promise<AppendedHalf> => this.#store(topic, message, half);
    topic.checkOpen();
    const batch = { bytes: body, count: 1, heldBytes, label: id };
    const { durability } = await topic.entrance.enter({ batch, store }, options);
    return { topic: topic.name, halfId, id, durability };
  }

  /** What the contract says of `endHalf`. */
  async decide(name: string, options: EndHalfOptions): Promise<Receipt | null> {
    const { halfId, outcome } = checkEndHalf(options);
    const topic = await this.#options.topics.find(name);
    for (;;) {
      const end = this.#ends.find(halfId);
      if (end?.topicId === topic.topicId) return answerOf(topic.name, end, outcome);
      const half = this.#table.find(halfId);
      if (half?.share.topicId !== topic.topicId) throw unknownHalfError(halfId);
      if (half.busy !== undefined) await half.busy;
      else if (outcome === 'unknown') return null;
      else return answerOf(topic.name, await this.#endings.decide(half, topic, outcome), outcome);
    }
  }

  /** What the contract says of `receiveHalfChecks`. */
  async receiveChecks(producerGroup: string, options?: HalfCheckOptions): Promise<readonly HalfCheck[]> {
    return await this.#checks.receive(checkHalfCheck(producerGroup, options, this.#options.limits));
  }

  /** The open ones of a topic, soonest to be asked about first, at most `max`. */
  soonestOf(topicId: string, max: number): OpenHalf[] {
    const halves = this.#table.ofTopic(topicId);
    return halves.sort((one, other) => one.nextCheckAt - other.nextCheckAt).slice(0, max);
  }

  /** The message of one that is open; undefined when it is no more. */
  async messageOf(half: OpenHalf): ReturnType<typeof readOpenHalf> {
    return await readOpenHalf({ table: this.#table, log: this.#log }, half);
  }

  get checksMax(): number {
    return this.#options.schedule.checksMax;
  }

  /** The topic of this name was deleted: its halves go with it, and not those of one that was made since. */
  async forgetTopic(name: string): Promise<void> {
    const shares = [...this.#table.shares].filter((share) => share.topic === name);
    for (const share of shares) {
      if (!(await isThere(this.#options.topics, share))) this.#table.removeAllOf(share.topicId);
    }
  }

  /** Whoever waits is answered, and nothing is begun any more. */
  end(): void {
    this.#checks.close();
    this.#endings.close();
  }

  /** After the topics are closed. Resolves when everything is on the disk and closed. */
  async close(): Promise<void> {
    await this.#endings.settled();
    await this.#trim.close();
    await this.#log.close();
  }

  /** There is room in its topic. */
  async #store(
    topic: Topic,
    message: EncodableMessage,
    half: Pick<HalfFacts, 'halfId' | 'producerGroup' | 'partition' | 'heldBytes'> & { readonly checkAfterMs: number },
  ): Promise<AppendedHalf> {
    this.#checkMayOpen();
    const { halfId, producerGroup, partition, heldBytes, checkAfterMs } = half;
    const { name, topicId } = topic;
    const acceptedAt = this.#options.clock.now();
    const times = { acceptedAt, checkCount: 0, nextCheckAt: acceptedAt + checkAfterMs };
    const facts: HalfFacts = { halfId, topic: name, topicId, producerGroup, partition, heldBytes, ...times };
    this.#table.reserve(facts);
    try {
      const appended = await this.#log.appendHalf(facts, message);
      this.#checkKept(topic);
      this.#table.add(facts, appended);
      this.#checks.arm();
      this.#trim.look();
      return appended;
    } catch (error) {
      this.#table.unreserve(facts);
      topic.entrance.admitWaiting();
      throw error;
    }
  }

  /** A topic that was deleted meanwhile has no halves; one that is only closed keeps what was accepted. */
  #checkKept(topic: Topic): void {
    try {
      topic.checkOpen();
    } catch (error) {
      if (!isMqError(error, 'MQ_CLOSED')) throw error;
    }
  }

  #checkMayOpen(): void {
    const { halfMessagesCountMax } = this.#options.limits;
    if (this.#table.count < halfMessagesCountMax) return;
    throw new MqError('MQ_LIMIT_EXCEEDED', `${halfMessagesCountMax} half messages are not decided, which is the limit`);
  }
}

/** What an answer means where the half has ended like this. `unknown` contradicts nothing. */
function answerOf(
  topic: string,
  { halfId, outcome, stored }: HalfEnd,
  answer: EndHalfOptions['outcome'],
): Receipt | null {
  const said = outcome === 'committed' ? 'commit' : 'abort';
  if (answer !== 'unknown' && answer !== said) {
    const message = `half message ${quote(halfId)} was ${outcome} before, and stays so`;
    throw new MqError('MQ_TRANSACTION_ENDED', message, { details: { outcome } });
  }
  return stored === undefined ? null : { topic, ...stored };
}

function unknownHalfError(halfId: string): MqError {
  return new MqError('MQ_UNKNOWN_TRANSACTION', `no half message of this topic is ${quote(halfId)}, or not any more`);
}
