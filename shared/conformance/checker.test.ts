/** Each anomaly in a hand-made history: it is named, and the calls that contradict each other are cited. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CheckOptions } from './checker.ts';
import { DRAINED, delivery, LEASE_MS, READ_WHOLE, Script, sendOf, TOPIC } from './testing/handmade-history.ts';

function names(script: Script): string[] {
  return script.found().map((anomaly) => anomaly.name);
}

/** There is exactly this anomaly, and it cites exactly these calls. */
function only(script: Script, name: string, cited: readonly string[], options: CheckOptions = {}): void {
  const found = script.found(options);
  assert.deepEqual(
    found.map((anomaly) => anomaly.name),
    [name],
  );
  assert.deepEqual(
    found[0]?.calls.map((call) => call.text),
    cited,
  );
}

describe('each anomaly is named, with the calls that contradict each other', () => {
  test('lost: a message was accepted and never delivered, although a later one was', () => {
    const script = new Script();
    script.send('a', 0);
    script.send('b', 1);
    script.receive('c', delivery('b', 1, 'token'));
    only(script, 'lost', ['send a', 'receive'], DRAINED);
  });

  test('lost: a record was accepted and never fetched, although a later one was', () => {
    const script = new Script();
    script.send('a', 0);
    script.send('b', 1);
    script.fetch(1, [[1, 'b']]);
    only(script, 'lost', ['send a', 'fetch 1'], READ_WHOLE);
  });

  test('lost: a delivery that nobody acknowledged never came again', () => {
    const script = new Script();
    script.send('a', 0);
    script.receive('c', delivery('a', 0, 'token'));
    script.nowMs += 2 * LEASE_MS;
    script.receive('c');
    only(script, 'lost', ['send a', 'receive'], DRAINED);
  });

  test('unobserved: the last message never showed although everything was read', () => {
    const script = new Script();
    script.send('a', 0);
    script.send('b', 1);
    script.receive('c', delivery('a', 0, 'token'));
    only(script, 'unobserved', ['send b', 'receive'], DRAINED);
    const log = new Script();
    log.send('a', 0);
    only(log, 'unobserved', ['send a'], READ_WHOLE);
  });

  test('unobserved: what was read in another partition says nothing about a message that never showed', () => {
    const script = new Script();
    script.call('p', 'send a', sendOf('a', 0, 1));
    script.send('b', 7);
    script.receive('c', delivery('b', 7, 'token'));
    script.settle('ack', 7, 'token');
    only(script, 'unobserved', ['send a', 'receive'], DRAINED);
  });

  test('phantom: something was read that nobody had sent', () => {
    const script = new Script();
    script.receive('c', delivery('ghost', 0, 'token'));
    only(script, 'phantom', ['receive']);
  });

  test('phantom: something was read before it was sent', () => {
    const script = new Script();
    script.fetch(0, [[0, 'a']]);
    script.send('a', 0);
    only(script, 'phantom', ['fetch 0', 'send a']);
  });

  test('aborted read: something was read whose send had been refused', () => {
    const script = new Script();
    script.send('a', null, 'failed');
    script.receive('c', delivery('a', 0, 'token'));
    only(script, 'aborted read', ['send a', 'receive']);
  });

  test('duplicate: one message stands at two offsets', () => {
    const script = new Script();
    script.send('a', 0);
    script.fetch(0, [
      [0, 'a'],
      [1, 'a'],
    ]);
    only(script, 'duplicate', ['send a', 'fetch 0']);
  });

  test('duplicate: a message is delivered again after its ack was answered', () => {
    const script = new Script();
    script.send('a', 0);
    script.receive('c', delivery('a', 0, 'token-1'));
    script.settle('ack', 0, 'token-1');
    script.nowMs += 2 * LEASE_MS;
    script.receive('d', delivery('a', 0, 'token-2'));
    only(script, 'duplicate', ['ack', 'receive']);
  });

  test('duplicate: a message is delivered to a second member while its lease runs', () => {
    const script = new Script();
    script.send('a', 0);
    script.receive('c', delivery('a', 0, 'token-1'));
    script.nowMs += LEASE_MS - 1;
    script.receive('d', delivery('a', 0, 'token-2'));
    only(script, 'duplicate', ['receive', 'receive']);
  });

  test('duplicate: a broker without leases hands a message out twice', () => {
    const script = new Script();
    script.send('a', null);
    script.receive('c', delivery('a', null, null));
    script.nowMs += 5 * LEASE_MS;
    script.receive('d', delivery('a', null, null));
    only(script, 'duplicate', ['receive', 'receive']);
  });

  test('reordered: one answer has a higher offset before a lower one', () => {
    const script = new Script();
    script.send('a', 0);
    script.send('b', 1);
    script.receive('c', delivery('b', 1, 'x'), delivery('a', 0, 'y'));
    only(script, 'reordered', ['send a', 'receive']);
  });

  test('reordered: a member gets a lower offset for the first time after a higher one', () => {
    const script = new Script();
    script.send('a', 0);
    script.send('b', 1);
    script.receive('c', delivery('b', 1, 'x'));
    script.receive('c', delivery('a', 0, 'y'));
    only(script, 'reordered', ['receive', 'receive']);
  });

  test('inconsistent offsets: two receipts name one offset', () => {
    const script = new Script();
    script.send('a', 0, 'ok', 'p');
    script.send('b', 0, 'ok', 'q');
    only(script, 'inconsistent offsets', ['send a', 'send b']);
  });

  test('inconsistent offsets: two readers see different messages at one offset', () => {
    const script = new Script();
    script.send('a', 0);
    script.send('b', 1);
    script.fetch(0, [[0, 'a']]);
    script.fetch(0, [[0, 'b']], { next: 1 });
    assert.ok(names(script).includes('inconsistent offsets'));
  });

  test('internal skip: one fetch jumps over a record', () => {
    const script = new Script();
    for (const [offset, value] of ['a', 'b', 'c'].entries()) script.send(value, offset);
    script.fetch(0, [
      [0, 'a'],
      [2, 'c'],
    ]);
    only(script, 'internal skip', ['send b', 'fetch 0']);
  });

  test('external skip: a fetch begins above the offset it was asked for, or sends its reader too far', () => {
    const script = new Script();
    for (const [offset, value] of ['a', 'b', 'c'].entries()) script.send(value, offset);
    script.fetch(1, [[2, 'c']]);
    only(script, 'external skip', ['send b', 'fetch 1']);
    const tooFar = new Script();
    for (const [offset, value] of ['a', 'b', 'c'].entries()) tooFar.send(value, offset);
    tooFar.fetch(0, [[0, 'a']], { next: 2 });
    only(tooFar, 'external skip', ['send b', 'fetch 0']);
  });

  test('internal nonmonotonic poll: one fetch goes back', () => {
    const script = new Script();
    script.send('a', 0);
    script.send('b', 1);
    script.fetch(
      0,
      [
        [1, 'b'],
        [0, 'a'],
      ],
      { next: 2 },
    );
    assert.ok(names(script).includes('internal nonmonotonic poll'));
  });

  test('external nonmonotonic poll: a fetch answers what stands before the offset asked for, or sends its reader back', () => {
    const script = new Script();
    script.send('a', 0);
    script.send('b', 1);
    script.fetch(1, [[0, 'a']], { next: 2 });
    assert.ok(names(script).includes('external nonmonotonic poll'));
    const back = new Script();
    back.send('a', 0);
    back.fetch(0, [[0, 'a']], { next: 0 });
    only(back, 'external nonmonotonic poll', ['fetch 0']);
  });

  test('nonmonotonic send: the later of two sends of one producer stands first', () => {
    const script = new Script();
    script.send('a', 1);
    script.send('b', 0);
    only(script, 'nonmonotonic send', ['send a', 'send b']);
  });

  test('ack regression: a committed position moves back and nobody has sought', () => {
    const script = new Script();
    script.position('commit', 5);
    script.position('committed', 3);
    only(script, 'ack regression', ['commit 5', 'committed 3']);
  });

  const unsureCommit = { kind: 'commit', topic: TOPIC, group: 'g', partition: 0, offset: 5 } as const;

  test('ack regression: what was shown of a commit that was not answered is gone, and nobody restarted the broker', () => {
    const script = new Script();
    script.call('c', 'commit 5', unsureCommit, 'unknown');
    script.position('committed', 5);
    script.position('committed', 3);
    only(script, 'ack regression', ['committed 5', 'committed 3']);
  });

  test('ack regression: a restart brought back what was not answered, or it was answered when said again, and another loses it', () => {
    for (const isSaidAgain of [false, true]) {
      const script = new Script();
      script.call('c', 'commit 5', unsureCommit, 'unknown');
      if (isSaidAgain) script.position('commit', 5);
      else script.call('t', 'restart', { kind: 'restart' });
      script.position('committed', 5);
      script.call('t', 'restart', { kind: 'restart' });
      script.position('committed', 3);
      only(script, 'ack regression', [isSaidAgain ? 'commit 5' : 'committed 5', 'committed 3']);
    }
  });

  test('ack regression: a position that stepped on is back below what was answered, or is back without a restart', () => {
    for (const [after, seen] of [
      [4, 'commit 5'],
      [6, 'committed 7'],
    ] as const) {
      const script = new Script();
      script.position('commit', 5);
      script.position('committed', 7);
      if (after < 5) script.call('t', 'restart', { kind: 'restart' });
      script.position('committed', after);
      only(script, 'ack regression', [seen, `committed ${after}`]);
    }
  });

  test('ack regression: among many seeks, a position moves back after the last of them', () => {
    const script = new Script();
    for (let round = 0; round < 100; round += 1) {
      script.position('commit', 9);
      script.position('seek', 2);
      script.position('committed', 2);
    }
    assert.deepEqual(script.found(), []);
    script.position('commit', 5);
    script.position('committed', 3);
    script.position('seek', 1);
    script.position('committed', 1);
    only(script, 'ack regression', ['commit 5', 'committed 3']);
  });
});
