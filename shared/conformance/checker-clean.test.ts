/** Hand-made histories that look suspicious and are not: whatever a correct broker may answer is no anomaly. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DRAINED, delivery, LEASE_MS, READ_WHOLE, Script, sendOf, TOPIC } from './testing/handmade-history.ts';

describe('a clean history has no anomaly, however suspicious it looks', () => {
  test('a message comes again after a nack, after its lease, after a seek, and after its member left', () => {
    const script = new Script();
    script.send('a', 0);
    script.receive('c', delivery('a', 0, 'one'));
    script.settle('nack', 0, 'one');
    script.receive('c', delivery('a', 0, 'two'));
    script.nowMs += LEASE_MS;
    script.receive('d', delivery('a', 0, 'three'));
    script.settle('ack', 0, 'three');
    script.position('seek', 0);
    script.receive('d', delivery('a', 0, 'four'));
    script.call('d', 'leave', { kind: 'leave', topic: TOPIC, group: 'g', memberId: 'd' });
    script.receive('e', delivery('a', 0, 'five'));
    assert.deepEqual(script.found(DRAINED), []);
  });

  test('an extended lease may end later, and a shortened one earlier', () => {
    const script = new Script();
    script.send('a', 0);
    script.receive('c', delivery('a', 0, 'one'));
    const refs = [{ topic: TOPIC, group: 'g', partition: 0, offset: 0, leaseToken: 'one' }];
    script.call('c', 'extend', { kind: 'extendLease', refs, leaseMs: 10 });
    script.nowMs += 10;
    script.receive('d', delivery('a', 0, 'two'));
    assert.deepEqual(script.found(), []);
  });

  test('a send whose outcome is unknown may be read or not', () => {
    const script = new Script();
    script.send('read', null, 'unknown');
    script.send('unread', null, 'unknown');
    script.receive('c', delivery('read', 0, 'one'));
    assert.deepEqual(script.found(DRAINED), []);
  });

  test('what was shown of a commit or an ack that was not answered well may be undone by a restart', () => {
    for (const outcome of ['unknown', 'open'] as const) {
      const script = new Script();
      script.position('commit', 3);
      const commit = { kind: 'commit', topic: TOPIC, group: 'g', partition: 0, offset: 5 } as const;
      if (outcome === 'open') script.open('c', 'commit 5', commit);
      else script.call('c', 'commit 5', commit, outcome);
      script.position('committed', 5);
      script.call('t', 'restart', { kind: 'restart' });
      script.position('committed', 3);
      assert.deepEqual(script.found(), []);
    }
    const steppedOn = new Script();
    steppedOn.call('c', 'commit', { kind: 'commit', topic: TOPIC, group: 'g', partition: 0, offset: 4 }, 'unknown');
    steppedOn.position('committed', 6); // over markers
    steppedOn.call('t', 'restart', { kind: 'restart' });
    steppedOn.position('committed', 0);
    assert.deepEqual(steppedOn.found(), []);
    const answered = new Script();
    answered.position('commit', 4);
    answered.position('committed', 6); // the same, and the commit was answered
    answered.call('t', 'restart', { kind: 'restart' });
    answered.position('committed', 4);
    assert.deepEqual(answered.found(), []);
    const acked = new Script();
    const refs = [{ topic: TOPIC, group: 'g', partition: 0, offset: 0, leaseToken: 'one' }];
    acked.call('c', 'ack', { kind: 'ack', refs, isCumulative: false }, 'unknown');
    acked.position('committed', 1);
    acked.call('t', 'restart', { kind: 'restart' });
    acked.position('committed', 0);
    assert.deepEqual(acked.found(), []);
  });

  test('a message sent twice may stand at two offsets', () => {
    const script = new Script();
    script.send('a', 0);
    script.send('a', 1);
    script.fetch(0, [
      [0, 'a'],
      [1, 'a'],
    ]);
    assert.deepEqual(script.found(READ_WHOLE), []);
  });

  test('a read that overlaps the send it sees is no phantom', () => {
    const script = new Script();
    const endSend = script.open('p', 'send a', sendOf('a', 0));
    script.receive('c', delivery('a', 0, 'one'));
    endSend();
    assert.deepEqual(script.found(DRAINED), []);
  });

  test('two producers, and two overlapping sends of one, may stand in any order', () => {
    const script = new Script();
    script.send('a', 5, 'ok', 'p');
    script.send('b', 0, 'ok', 'q');
    const first = script.open('p', 'send c', sendOf('c', 8));
    const second = script.open('p', 'send d', sendOf('d', 7));
    first();
    second();
    assert.deepEqual(script.found(), []);
  });

  test('gaps nothing stands in, and records that were reclaimed, may be jumped over', () => {
    const script = new Script();
    script.send('a', 0);
    script.send('b', 5);
    script.fetch(
      0,
      [
        [0, 'a'],
        [5, 'b'],
      ],
      { next: 9 },
    );
    script.fetch(0, [[5, 'b']], { start: 5 });
    assert.deepEqual(script.found(READ_WHOLE), []);
  });

  test('a seek may move a position back, also while it is being asked for', () => {
    const script = new Script();
    script.position('commit', 5);
    script.position('seek', 2);
    script.position('committed', 2);
    script.position('commit', 4);
    const endSeek = script.open('c', 'seek', { kind: 'seek', topic: TOPIC, group: 'g', partition: 0, offset: 0 });
    script.position('committed', 0);
    endSeek();
    assert.deepEqual(script.found(), []);
  });

  test('a topic that was deleted may count its offsets from the beginning again', () => {
    const script = new Script();
    script.send('a', 0);
    script.call('c', 'delete', { kind: 'deleteTopic', topic: TOPIC });
    script.send('b', 0);
    assert.deepEqual(script.found(), []);
  });

  test('two partitions have the same offsets, and neither says anything about the order of the other', () => {
    const script = new Script();
    script.call('p', 'send a', sendOf('a', 5, 1));
    script.call('p', 'send b', sendOf('b', 0, 0));
    script.call('p', 'send c', sendOf('c', 5, 0));
    script.receive('c', { ...delivery('a', 5, 'one'), partition: 1 }, delivery('b', 0, 'two'));
    script.receive('c', delivery('c', 5, 'three'));
    assert.deepEqual(script.found(), []);
  });

  test('what is in flight when the broker is restarted may come again at once, what was finished may not', () => {
    const script = new Script();
    script.send('a', 0);
    script.send('b', 1);
    script.receive('c', delivery('a', 0, 'one'), delivery('b', 1, 'two'));
    script.settle('ack', 1, 'two');
    script.call('test', 'restart', { kind: 'restart' });
    script.receive('c', delivery('a', 0, 'three'));
    assert.deepEqual(script.found(), []);
    script.receive('c', delivery('b', 1, 'four'));
    assert.deepEqual(
      script.found().map(({ name }) => name),
      ['duplicate'],
    );
  });
});
