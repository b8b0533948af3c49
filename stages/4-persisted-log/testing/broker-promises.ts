/**
 * What a broker promised by its answers to a load, and whether it kept it after a disaster.
 *
 *     sent          is stored at its offset, or, when it was delayed, once it is due; once; with its bytes
 *     stored        was being sent; ids of one sender ascend
 *     acked         does not come again                  neither acked nor rejected: is still to be had
 *     rejected      is a dead letter, once, and does not come again
 *     redriven      is to be had, once, or was finished or rejected again
 *     committed     the reader goes on there, not before
 *
 * Always true: a check finishes nothing. Used by the crash tests of the broker.
 */
import assert from 'node:assert/strict';
import type { Broker } from '../../../shared/contract/broker.ts';
import { isMqError } from '../../../shared/contract/errors.ts';
import { type BrowsedRecord, deadLetterTopicOf, type StoredRecord } from '../../../shared/contract/message.ts';
import { bodyOf, type Deed, PARTITION_COUNT, type Place, prepare, READERS, TOPICS, WORKERS } from './broker-load.ts';

const PAGE = 500;

/** What is promised of one topic. */
class TopicPromises {
  readonly sending = new Set<string>();
  readonly sent = new Map<string, Place | null>();
  readonly acking = new Set<string>();
  readonly acked = new Set<string>();
  /** How often it was begun. */
  readonly rejecting = new Map<string, number>();
  readonly rejected = new Set<string>();
  readonly redriving = new Set<string>();
  readonly redriven = new Set<string>();
  readonly committing = new Map<number, number>();
  readonly committed = new Map<number, number>();

  add(deed: Deed): void {
    if (deed.kind === 'committing' || deed.kind === 'committed') {
      const { partition, offset } = deed.at;
      this[deed.kind].set(partition, Math.max(this[deed.kind].get(partition) ?? 0, offset));
      return;
    }
    for (const [index, id] of deed.ids.entries()) {
      if (deed.kind === 'sent') this.sent.set(id, deed.at && { ...deed.at, offset: deed.at.offset + index });
      else if (deed.kind === 'rejecting') this.rejecting.set(id, (this.rejecting.get(id) ?? 0) + 1);
      else this[deed.kind].add(id);
    }
  }
}

export class BrokerPromises {
  readonly #topics = new Map(TOPICS.map((topic) => [topic as string, new TopicPromises()]));

  static of(deeds: readonly Deed[]): BrokerPromises {
    const promises = new BrokerPromises();
    for (const deed of deeds) promises.add(deed);
    return promises;
  }

  add(deed: Deed): void {
    this.#topics.get(deed.topic)?.add(deed);
  }

  /**
   * Every delayed message is due. What was not made yet when the end came is made, and empty. `lostEnd`: nothing that was
   * answered was safe, so only what no disk may do is looked for: strangers, doubles, wrong bytes, another order.
   */
  async check(broker: Broker, { lostEnd = false } = {}): Promise<void> {
    await prepare(broker);
    for (const [topic, promises] of this.#topics) {
      const found = await lookAt(broker, topic);
      checkStored(promises, found);
      if (lostEnd) continue;
      checkReader(promises, found);
      checkSent(promises, found);
      checkFinished(promises, found);
    }
  }
}

/** What a broker has of a topic. */
interface FoundTopic {
  readonly records: readonly StoredRecord[];
  readonly stored: ReadonlyMap<string, StoredRecord>;
  /** Of the workers; each is there once. */
  readonly unfinished: ReadonlySet<string>;
  /** How often each is a dead letter. */
  readonly dead: ReadonlyMap<string, number>;
  /** By partition: logStartOffset, and where the reader is. */
  readonly starts: readonly number[];
  readonly committed: readonly number[];
}

async function lookAt(broker: Broker, topic: string): Promise<FoundTopic> {
  const records: StoredRecord[] = [];
  const unfinished = new Set<string>();
  const [starts, committed]: [number[], number[]] = [[], []];
  for (let partition = 0; partition < PARTITION_COUNT; partition += 1) {
    const held = await fetchAll(broker, topic, partition);
    assertInOrder(held.records);
    records.push(...held.records);
    starts.push(held.logStartOffset);
    for (const { id } of await browseAll(broker, topic, partition)) {
      assert.ok(!unfinished.has(id), `${id} is to be had twice`);
      unfinished.add(id);
    }
    committed.push(await broker.committed(topic, { group: READERS, partition }));
  }
  const dead = new Map<string, number>();
  for (const { id } of await deadLetters(broker, topic)) dead.set(id, (dead.get(id) ?? 0) + 1);
  return {
    records,
    stored: new Map(records.map((record) => [record.id, record])),
    unfinished,
    dead,
    starts,
    committed,
  };
}

function checkStored(promises: TopicPromises, { records, stored }: FoundTopic): void {
  for (const record of records) {
    assert.equal(stored.get(record.id), record, `${record.id} is stored twice`);
    assert.ok(promises.sending.has(record.id), `nobody sent ${record.id}`);
    assert.deepEqual(Buffer.from(record.body), bodyOf(record.id), `the body of ${record.id}`);
  }
}

/** It may have been taken past what is not for it, such as what was redriven for the workers. */
function checkReader(promises: TopicPromises, { records, starts, committed }: FoundTopic): void {
  for (const [partition, offset] of committed.entries()) {
    const answered = promises.committed.get(partition) ?? 0;
    assert.ok(offset >= answered, `the reader was at ${answered}, is at ${offset}`);
    const wentTo = Math.max(promises.committing.get(partition) ?? 0, starts[partition] ?? 0);
    const skipped = records.find(
      (record) => record.partition === partition && Number(record.offset) >= wentTo && Number(record.offset) < offset,
    );
    assert.equal(skipped, undefined, `nobody went past ${skipped?.id}, and the reader is at ${offset}`);
  }
}

function checkSent(promises: TopicPromises, { stored, unfinished, dead, starts }: FoundTopic): void {
  for (const [id, at] of promises.sent) {
    const mayBeFinished = promises.acking.has(id) || promises.rejecting.has(id);
    const record = stored.get(id);
    if (record === undefined) {
      const isReleased = at === null ? mayBeFinished : at.offset < (starts[at.partition] ?? 0);
      assert.ok(isReleased && mayBeFinished, `${id} was acknowledged at ${JSON.stringify(at)} and is lost`);
    } else if (at !== null) {
      assert.deepEqual({ partition: record.partition, offset: record.offset }, at, `the place of ${id}`);
    }
    const isToBeHad = unfinished.has(id);
    assert.ok(isToBeHad || mayBeFinished, `${id} was not finished by anybody, and cannot be had`);
    assert.ok(isToBeHad || promises.acking.has(id) || dead.has(id), `${id} was rejected and is no dead letter`);
  }
}

/** What was redriven may be anywhere a message can be, but it is somewhere, which `checkSent` sees. */
function checkFinished(promises: TopicPromises, { unfinished, dead }: FoundTopic): void {
  const mayComeAgain = promises.redriving;
  for (const id of promises.acked) {
    assert.ok(!unfinished.has(id) || mayComeAgain.has(id), `${id} was acked and comes again`);
  }
  for (const id of promises.rejected) {
    if (mayComeAgain.has(id)) continue;
    assert.ok(!unfinished.has(id), `${id} was rejected and comes again`);
    assert.ok(dead.has(id), `${id} was rejected and is no dead letter`);
  }
  for (const [id, count] of dead) {
    const rejectedCount = promises.rejecting.get(id) ?? 0;
    if (mayComeAgain.has(id)) continue;
    assert.ok(count <= rejectedCount, `${id} is a dead letter ${count} times`);
    assert.ok(!unfinished.has(id), `${id} is a dead letter and to be had as well`);
  }
}

/** Rows of ids that one sender made ascend. Delayed ones come when they are due. */
function assertInOrder(records: readonly StoredRecord[]): void {
  const last = new Map<string, string>();
  for (const { id } of records) {
    const row = id.slice(0, -8);
    if (row.startsWith('delayed')) continue;
    assert.ok((last.get(row) ?? '') < id, `${id} comes after ${last.get(row)}`);
    last.set(row, id);
  }
}

interface Held {
  readonly records: readonly StoredRecord[];
  readonly logStartOffset: number;
}

async function fetchAll(broker: Broker, topic: string, partition: number): Promise<Held> {
  const logStartOffset = await startOf(broker, topic, partition);
  const records: StoredRecord[] = [];
  for (let offset = logStartOffset; ; ) {
    const page = await broker.fetch(topic, { partition, offset, max: PAGE });
    if (page.nextOffset === offset) return { records, logStartOffset };
    records.push(...page.records);
    offset = page.nextOffset;
  }
}

async function startOf(broker: Broker, topic: string, partition: number): Promise<number> {
  try {
    return (await broker.fetch(topic, { partition, offset: 0 })).logStartOffset;
  } catch (error) {
    if (isMqError(error, 'MQ_OFFSET_OUT_OF_RANGE')) return error.details.logStartOffset ?? 0;
    throw error;
  }
}

async function browseAll(broker: Broker, topic: string, partition: number): Promise<readonly BrowsedRecord[]> {
  const records: BrowsedRecord[] = [];
  for (let after: number | undefined; ; ) {
    const from = after === undefined ? {} : { after };
    const page = await broker.browse(topic, { group: WORKERS, partition, max: PAGE, ...from });
    const last = page.at(-1);
    if (last === undefined || last.offset === null) return records;
    records.push(...page);
    after = last.offset;
  }
}

async function deadLetters(broker: Broker, topic: string): Promise<readonly StoredRecord[]> {
  const dead = deadLetterTopicOf(topic, WORKERS);
  const isThere = (await broker.describeTopics()).some((description) => description.topic === dead);
  return isThere ? (await fetchAll(broker, dead, 0)).records : [];
}
