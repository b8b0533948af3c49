/**
 * What an append costs when much is stored already: the same appends to an empty log and to filled ones.
 *
 * Always true: a filled log has at least as many messages as its contestant says, and one run more each time; what a run
 * appended is read back and counted, untimed.
 */
import type { Broker } from '../../shared/contract/broker.ts';
import type { Plan } from '../plan.ts';
import type { Contestant, Run, Scenario } from '../race.ts';
import type { Door } from '../servers/server-process.ts';
import { Tally } from '../tally.ts';
import { createRemote } from '../targets.ts';
import { freshTopic, type Place, runAtDoor, timed } from './door-run.ts';
import { appendBatches, readBatches } from './end-to-end.ts';
import { encodeNumberedBatches } from './numbered-batches.ts';

/** Messages of one append: few, so that appends are what costs and not bytes. */
const APPEND_COUNT = 10;

export function appendCostScenario(door: Door, plan: Plan): Scenario {
  const { appendedCount: count, filledCount, filledLongCount } = plan;
  const batches = encodeNumberedBatches({ count, batchCount: APPEND_COUNT });
  const appendAll = async (place: Place): Promise<undefined> => {
    await appendBatches(place, batches);
    return undefined;
  };
  const filled = (name: string, storedCount: number): Contestant => {
    const log = new FilledLog(door, storedCount);
    return { name, role: 'stage', run: () => log.run(appendAll, count) };
  };
  const contestants: Contestant[] = [
    {
      name: 'empty log',
      role: 'floor',
      run: () => runAtDoor({ door, count, work: appendAll, after: (place) => readBatches(place) }),
    },
    filled('filled log', filledCount),
  ];
  if (filledLongCount !== null) contestants.push(filled('log filled tenfold', filledLongCount));
  const whole = (value: number): string => value.toLocaleString('en');
  return {
    name: 'append-cost',
    title: 'Appending to a log that has much in it',
    how:
      `flushPolicy never, ${APPEND_COUNT} messages an append; the filled log had ${whole(filledCount)} messages before` +
      (filledLongCount === null ? '.' : `, the other one ${whole(filledLongCount)}.`),
    contestants,
  };
}

/** A topic that is filled before its first run, and stays. */
class FilledLog {
  readonly #door: Door;
  readonly #storedCount: number;
  readonly #topic = freshTopic();
  #endOffset = 0;

  constructor(door: Door, storedCount: number) {
    this.#door = door;
    this.#storedCount = storedCount;
  }

  async run(appendAll: (place: Place) => Promise<undefined>, count: number): Promise<Run> {
    await using broker = await createRemote(this.#door.url);
    if (this.#endOffset === 0) await this.#fill(broker);
    const tally = new Tally(count);
    for (let number = 0; number < count; number += 1) tally.attempt(number);
    const place = { sender: broker, reader: broker, topic: this.#topic, tally, count };
    const run = await timed(this.#door, {
      count,
      counts: () => tally.counts,
      work: () => appendAll(place),
      after: () => readBatches(place, this.#endOffset),
    });
    this.#endOffset += count;
    return run;
  }

  async #fill(broker: Broker): Promise<void> {
    const tally = new Tally();
    const batches = encodeNumberedBatches({ count: Math.min(this.#storedCount, 100_000) });
    await broker.createTopic(this.#topic);
    for (let stored = 0; stored < this.#storedCount; stored += 100_000) {
      await appendBatches({ sender: broker, topic: this.#topic, tally }, batches);
    }
    const [description] = await broker.describeTopics({ topic: this.#topic });
    this.#endOffset = description?.logEndOffset ?? 0;
  }
}
