/** Names of protocols and of the contract, in both directions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Destination,
  destinationOf,
  isTopicLike,
  namedGroup,
  subscriberGroup,
  subscriberOf,
  swapLevels,
  topicOf,
} from './destinations.ts';

test('a destination has one topic, and a topic one destination', () => {
  const rows: readonly (readonly [Destination, string])[] = [
    [{ kind: 'queue', name: 'a' }, 'a'],
    [{ kind: 'queue', name: 'a/b' }, 'a/b'],
    [{ kind: 'topic', name: 'a' }, 'topic/a'],
    [{ kind: 'topic', name: 'topic/a' }, 'topic/topic/a'],
    [{ kind: 'temporary-queue', name: '$temp/9f' }, '$temp/9f'],
  ];
  for (const [destination, topic] of rows) {
    assert.equal(topicOf(destination), topic);
    assert.deepEqual(destinationOf(topic), destination);
  }
  assert.equal(topicOf({ kind: 'temporary-topic', name: '$temp/9f' }), '$temp/9f');
  assert.deepEqual([isTopicLike('temporary-topic'), isTopicLike('queue')], [true, false]);
});

test('a name that would be another kind is refused', () => {
  const wrong: readonly Destination[] = [
    { kind: 'queue', name: 'topic/a' },
    { kind: 'queue', name: '$temp/9f' },
    { kind: 'temporary-queue', name: 'a' },
  ];
  for (const destination of wrong) assert.throws(() => topicOf(destination), { code: 'MQ_INVALID_ARGUMENT' });
});

test('the group of a durable subscriber says whose it is, and is never one of the broker', () => {
  const part = fc.string({ unit: fc.constantFrom('a', '/', '%', '$', '2', 'F', '5', '中'), minLength: 1 });
  fc.assert(
    fc.property(fc.record({ clientId: part, name: part }, { noNullPrototype: true }), (subscriber) => {
      const group = subscriberGroup(subscriber);
      assert.deepEqual(subscriberOf(group), subscriber);
      assert.ok(!group.startsWith('$'));
    }),
  );
  assert.equal(subscriberGroup({ clientId: 'anna', name: '$mqtt' }), 'anna/$mqtt');
  assert.deepEqual([subscriberOf('default'), subscriberOf('a/b/c')], [undefined, undefined]);
});

test('levels of MQTT and words of the others are each other, and nothing is lost', () => {
  assert.equal(swapLevels('a/b/c'), 'a.b.c');
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '.', '/') }), (name) => swapLevels(swapLevels(name)) === name),
  );
});

test('a client does not choose the group in which a door keeps a session', () => {
  assert.equal(namedGroup({ clientId: 'anna', name: 'a$' }), 'anna/a$');
  assert.throws(() => namedGroup({ clientId: 'anna', name: '$mqtt' }), { code: 'MQ_INVALID_ARGUMENT' });
});
