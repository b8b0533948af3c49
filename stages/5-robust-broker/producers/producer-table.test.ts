import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isMqError } from '../../../shared/contract/errors.ts';
import { SEQUENCE_MAX } from '../../../shared/contract/producer.ts';
import { ProducerTable, type ProducerTableOptions } from './producer-table.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** A table, and a log that only counts: what is stored is noted at its end. */
class World {
  readonly inTransaction = new Set<number>();
  readonly options: ProducerTableOptions;
  table: ProducerTable;
  now = 1_000_000;
  endOffset = 0;
  /** Below it nothing can fail. */
  safeOffset = 0;

  constructor(options: Partial<ProducerTableOptions> = {}) {
    const isInTransaction = (producerId: number): boolean => this.inTransaction.has(producerId);
    this.options = { producersMax: 10, timeoutMs: DAY_MS, isInTransaction, ...options };
    this.table = new ProducerTable(this.options);
  }

  /** `stored at 4`, `repeats 4`, or the code of the refusal. */
  send(sequence: number, { count = 1, producerId = 7, epoch = 0, isSafe = true } = {}): string {
    const call = { producerId, epoch, sequence, count };
    try {
      const repeated = this.table.repeated(call, () => this.now);
      if (repeated !== undefined) return `repeats ${repeated.baseOffset}`;
      this.table.check(call, this.now);
      const baseOffset = this.endOffset;
      this.table.note(call, { baseOffset, at: this.now, safeOffset: () => this.safeOffset });
      this.endOffset += count;
      if (isSafe) this.safeOffset = this.endOffset;
      return `stored at ${baseOffset}`;
    } catch (error) {
      assert.ok(isMqError(error), String(error));
      return error.code;
    }
  }

  /** The log lost what was not safe. */
  fail(): void {
    this.endOffset = this.safeOffset;
  }

  restart(): void {
    const state = JSON.parse(JSON.stringify(this.table.state(this.now)));
    this.table = ProducerTable.from(state, this.options, this.endOffset);
  }
}

describe('what a sequence is answered with', () => {
  test('the next one is stored; one of the last five calls is answered with its first place', () => {
    const world = new World();
    for (let sequence = 0; sequence < 12; sequence += 2) {
      assert.equal(world.send(sequence, { count: 2 }), `stored at ${sequence}`);
    }
    for (const sequence of [2, 4, 6, 8, 10]) assert.equal(world.send(sequence, { count: 2 }), `repeats ${sequence}`);
    assert.equal(world.send(0, { count: 2 }), 'MQ_SEQUENCE_TOO_OLD');
    assert.equal(world.endOffset, 12, 'nothing of that was stored again');
    assert.equal(world.send(12), 'stored at 12');
  });

  test('a gap is refused, and what is missing may still come', () => {
    const world = new World();
    world.send(0);
    assert.equal(world.send(2), 'MQ_SEQUENCE_GAP');
    assert.equal(world.send(1), 'stored at 1');
    assert.equal(world.send(2), 'stored at 2');
  });

  test('a producer that is not known begins with 0, with whatever epoch', () => {
    const world = new World();
    assert.equal(world.send(5), 'MQ_UNKNOWN_PRODUCER');
    assert.equal(world.send(0, { epoch: 3 }), 'stored at 0');
    assert.equal(world.send(1, { epoch: 3 }), 'stored at 1');
  });

  test('a call that is repeated with another number of messages is a mistake', () => {
    const world = new World();
    world.send(0, { count: 3 });
    assert.equal(world.send(0, { count: 2 }), 'MQ_INVALID_ARGUMENT');
    assert.equal(world.send(1), 'MQ_SEQUENCE_TOO_OLD', 'no call began there');
  });

  test('after 2,147,483,647 comes 0, also within a call; any other number then is refused', () => {
    const world = new World();
    const state = [[7, 0, world.now, [[SEQUENCE_MAX - 4, 3, 0]]]] as const;
    world.endOffset = 3;
    world.table = ProducerTable.from(state, world.options, 3);
    assert.equal(world.send(0), 'MQ_SEQUENCE_TOO_OLD');
    assert.equal(world.send(SEQUENCE_MAX - 1, { count: 4 }), 'stored at 3');
    assert.equal(world.send(0), 'MQ_SEQUENCE_TOO_OLD');
    assert.equal(world.send(3), 'MQ_SEQUENCE_GAP');
    assert.equal(world.send(2), 'stored at 7');
    assert.equal(world.send(SEQUENCE_MAX - 1, { count: 4 }), 'repeats 3');
    assert.equal(world.send(SEQUENCE_MAX), 'MQ_SEQUENCE_TOO_OLD');
  });
});

describe('epochs', () => {
  test('a newer epoch begins with 0, and fences the older ones', () => {
    const world = new World();
    world.send(0);
    assert.equal(world.send(1, { epoch: 1 }), 'MQ_SEQUENCE_GAP');
    assert.equal(world.send(1), 'stored at 1', 'a call that was refused fences nobody');
    assert.equal(world.send(0, { epoch: 1 }), 'stored at 2');
    assert.equal(world.send(2), 'MQ_PRODUCER_FENCED');
    assert.equal(world.send(0), 'MQ_PRODUCER_FENCED', 'not even a repetition');
    assert.equal(world.send(0, { epoch: 1 }), 'repeats 2');
  });

  test('a newer epoch whose first call fails begins with 0 again', () => {
    const world = new World();
    world.send(0);
    world.send(0, { epoch: 1, isSafe: false });
    world.fail();
    world.table.dropFrom(world.endOffset);
    assert.equal(world.send(1, { epoch: 1 }), 'MQ_SEQUENCE_GAP');
    assert.equal(world.send(0, { epoch: 1 }), 'stored at 1');
  });
});

describe('calls that are still being written', () => {
  test('they are recognised, and dropped when the write fails; what came before is still known', () => {
    const world = new World();
    for (let sequence = 0; sequence < 5; sequence += 1) world.send(sequence);
    for (let sequence = 5; sequence < 12; sequence += 1) world.send(sequence, { isSafe: false });
    assert.equal(world.send(9), 'repeats 9');
    assert.equal(world.send(6), 'MQ_SEQUENCE_TOO_OLD');
    world.fail();
    world.table.dropFrom(world.endOffset);
    assert.equal(world.send(9), 'MQ_SEQUENCE_GAP');
    for (let sequence = 0; sequence < 5; sequence += 1) assert.equal(world.send(sequence), `repeats ${sequence}`);
    assert.equal(world.send(5), 'stored at 5');
  });

  test('a batch that takes the offset of one that failed does so also before anybody said that it failed', () => {
    const world = new World();
    world.send(0);
    world.send(1, { isSafe: false });
    world.fail();
    world.send(0, { producerId: 8 });
    assert.equal(world.send(2), 'MQ_SEQUENCE_GAP');
    assert.equal(world.send(1), 'stored at 2');
  });
});

describe('bounds', () => {
  test('whoever was silent for longest is forgotten, never one in a transaction', () => {
    const world = new World({ producersMax: 3 });
    for (const producerId of [1, 2, 3]) world.send(0, { producerId });
    world.send(1, { producerId: 1 });
    world.inTransaction.add(2);
    assert.equal(world.send(0, { producerId: 4 }), 'stored at 4');
    assert.equal(world.table.size, 3);
    assert.equal(world.send(1, { producerId: 3 }), 'MQ_UNKNOWN_PRODUCER');
    assert.equal(world.send(1, { producerId: 2 }), 'stored at 5');
    for (const producerId of [1, 4]) world.inTransaction.add(producerId);
    assert.equal(world.send(0, { producerId: 5 }), 'MQ_LIMIT_EXCEEDED');
    assert.equal(world.send(2, { producerId: 1 }), 'stored at 6', 'those that are known go on');
  });

  test('whoever was silent for the time-out is forgotten, unless it is in a transaction', () => {
    const world = new World();
    for (const producerId of [1, 2]) world.send(0, { producerId });
    world.inTransaction.add(2);
    world.now += DAY_MS - 1;
    assert.equal(world.table.state(world.now).length, 2);
    assert.equal(world.send(0, { producerId: 1 }), 'repeats 0');
    world.now += 1;
    assert.equal(world.table.state(world.now).length, 1);
    assert.equal(world.send(1, { producerId: 1 }), 'MQ_UNKNOWN_PRODUCER');
    assert.equal(world.send(0, { producerId: 1 }), 'stored at 2');
    assert.equal(world.send(1, { producerId: 2 }), 'stored at 3');
  });
});

describe('a restart', () => {
  test('what the state had is known again, as plain JSON', () => {
    const world = new World();
    for (let sequence = 0; sequence < 7; sequence += 1) world.send(sequence);
    world.send(0, { producerId: 8, epoch: 2 });
    world.restart();
    assert.equal(world.send(6), 'repeats 6');
    assert.equal(world.send(1), 'MQ_SEQUENCE_TOO_OLD');
    assert.equal(world.send(0, { producerId: 8, epoch: 1 }), 'MQ_PRODUCER_FENCED');
    assert.equal(world.send(7), 'stored at 8');
  });

  test('what the log lost is not known, and begins again', () => {
    const world = new World();
    world.send(0);
    world.send(1, { isSafe: false });
    world.send(0, { producerId: 8, isSafe: false });
    world.fail();
    world.restart();
    assert.equal(world.send(2), 'MQ_SEQUENCE_GAP');
    assert.equal(world.send(1), 'stored at 1');
    assert.equal(world.send(1, { producerId: 8 }), 'MQ_SEQUENCE_GAP');
    assert.equal(world.send(0, { producerId: 8 }), 'stored at 2');
  });

  test('a newer epoch fences the older ones also when nothing of it was stored', () => {
    const world = new World();
    world.send(0);
    world.send(0, { epoch: 1, isSafe: false });
    world.fail();
    world.restart();
    assert.equal(world.send(0), 'MQ_PRODUCER_FENCED');
    assert.equal(world.send(0, { epoch: 1 }), 'stored at 1');
  });
});
