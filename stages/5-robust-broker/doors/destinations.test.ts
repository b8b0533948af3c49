/** Names of protocols and of the contract, in both directions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { whoseGroup } from '../../../shared/admission.ts';
import {
  type Destination,
  destinationOf,
  isOwned,
  isRival,
  isTopicLike,
  namedGroup,
  subscriberGroup,
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

test('the group of a durable subscription stands for one client, name and owner, and is never one of the broker', () => {
  const part = fc.string({ unit: fc.constantFrom('a', '/', '%', '$', '@', '2', 'F', '5', '中'), minLength: 1 });
  const subscription = fc.record({ clientId: part, name: part, owner: fc.option(part, { nil: undefined }) });
  fc.assert(
    fc.property(subscription, subscription, (one, other) => {
      const [group, otherGroup] = [subscriberGroup(one), subscriberGroup(other)];
      const isSame = one.clientId === other.clientId && one.name === other.name;
      assert.equal(group === otherGroup, isSame && one.owner === other.owner);
      assert.ok(!group.startsWith('$'));
      if (!one.name.startsWith('$')) {
        assert.equal(isRival(group, otherGroup), isSame && one.owner !== other.owner);
        assert.equal(isOwned(group), one.owner !== undefined);
      }
      const whose = one.owner === undefined ? 'nobody' : one.owner === 'a' ? 'own' : 'another';
      assert.equal(whoseGroup(group, 'a'), whose);
    }),
  );
  assert.equal(subscriberGroup({ clientId: 'anna', name: '$mqtt' }), 'anna/$mqtt');
  assert.equal(subscriberGroup({ clientId: 'phone', name: 'news', owner: 'anna@shop' }), 'phone/news/@anna@shop');
  assert.equal(isRival('phone/$mqtt/@anna', 'phone/$mqtt/@bob'), false, 'its door knows itself whose a session is');
});

test('groups of other programs are nobody’s in particular', () => {
  for (const group of ['default', 'a/b', 'a/b/c', 'a/@b', '@a', 'a/b/c/@d', 'a/b/@', undefined, 7]) {
    assert.equal(whoseGroup(group, 'anna'), 'nobody', String(group));
  }
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
