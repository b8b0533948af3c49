import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMqError } from '../../../shared/contract/errors.ts';
import { EPOCH_MAX } from '../../../shared/contract/producer.ts';
import { NamedProducers, type NameRecord } from './named-producers.ts';

class World {
  readonly names: NamedProducers;
  readonly records: NameRecord[] = [];
  #nextId = 1;

  constructor(namesMax = 100) {
    this.names = new NamedProducers(namesMax);
  }

  open(name: string, epochsAhead = 0): string {
    const newProducerId = (): number => {
      this.#nextId += 2;
      return this.#nextId;
    };
    const { identity, record } = this.names.open(name, { newProducerId, epochsAhead });
    if (record !== undefined) this.records.push(record);
    return `${identity.producerId}/${identity.epoch}${record === undefined ? '' : ' recorded'}`;
  }

  check(producerId: number, epoch: number): string {
    try {
      this.names.check({ producerId, epoch });
      return 'in force';
    } catch (error) {
      return isMqError(error) ? error.code : String(error);
    }
  }

  afterRestart(): World {
    const next = new World();
    for (const record of this.records) next.names.replay(record);
    next.#nextId = this.#nextId;
    return next;
  }
}

test('each open of a name is the next epoch of its id, and fences those before', () => {
  const world = new World();
  assert.equal(world.open('a'), '3/0 recorded');
  assert.equal(world.open('a'), '3/1 recorded');
  assert.equal(world.open('b'), '5/0 recorded');
  assert.equal(world.check(3, 1), 'in force');
  assert.equal(world.check(3, 0), 'MQ_PRODUCER_FENCED');
  assert.equal(world.check(3, 2), 'MQ_UNKNOWN_PRODUCER');
  assert.equal(world.check(7, 0), 'MQ_UNKNOWN_PRODUCER');
  assert.equal(world.afterRestart().check(3, 1), 'in force');
  assert.equal(world.afterRestart().open('a'), '3/2 recorded');
});

test('after its last epoch a name gets a new id, and the old one stays fenced', () => {
  const world = new World();
  world.names.replay({ name: 'a', producerId: 1, epoch: EPOCH_MAX - 1, fencedIds: [] });
  assert.equal(world.open('a'), `1/${EPOCH_MAX} recorded`);
  assert.equal(world.open('a'), '3/0 recorded');
  const again = world.afterRestart();
  for (const { check } of [world, again].map((one) => ({ check: one.check.bind(one) }))) {
    assert.equal(check(1, EPOCH_MAX), 'MQ_PRODUCER_FENCED');
    assert.equal(check(3, 0), 'in force');
  }
});

test('epochs that were recorded ahead need no record, and a restart skips them', () => {
  const world = new World();
  assert.equal(world.open('a', 3), '3/0 recorded');
  for (const epoch of [1, 2, 3]) assert.equal(world.open('a', 3), `3/${epoch}`);
  assert.equal(world.open('a', 3), '3/4 recorded');
  assert.equal(world.open('a', 3), '3/5');
  assert.equal(world.afterRestart().open('a', 3), '3/8 recorded');
});

test('a record that did not reach the disk is made up for by the next open', () => {
  const world = new World();
  world.open('a', 10);
  world.names.noteFailed('a');
  assert.equal(world.open('a', 10), '3/1 recorded');
});

test('the name that was not opened for longest is forgotten, and its id is nobody any more', () => {
  const world = new World(2);
  for (const name of ['a', 'b', 'a', 'c']) world.open(name);
  assert.equal(world.names.size, 2);
  assert.equal(world.check(5, 0), 'MQ_UNKNOWN_PRODUCER');
  assert.equal(world.check(3, 1), 'in force');
  assert.equal(world.open('b'), '9/0 recorded');
});
