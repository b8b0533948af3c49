/** Hand-made histories of transactions that look suspicious and are not: whatever a correct broker may answer is no anomaly. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DRAINED, delivery } from './testing/handmade-history.ts';
import { TransactionScript } from './testing/transaction-script.ts';

describe('what looks like an anomaly of transactions and is none', () => {
  test('two transactions that overlap write in different orders in two topics', () => {
    const script = new TransactionScript();
    for (const id of ['T', 'U']) script.begin(id);
    script.write('T', 'a', 0);
    script.write('U', 'a', 1);
    script.write('U', 'b', 0);
    script.write('T', 'b', 1);
    script.write('T', 'a', 2);
    for (const id of ['T', 'U']) script.end(id, 'commit');
    assert.deepEqual(script.found(), []);
  });

  test('a commit that nobody was answered may have taken effect or not', () => {
    for (const isRead of [true, false]) {
      const script = new TransactionScript();
      script.begin('T');
      script.write('T', 'a', 0);
      script.end('T', 'commit', 'unknown');
      if (isRead) script.read('r', 'a', [0]);
      else script.read('r', 'a', [], { stable: 0 });
      assert.deepEqual(script.found(), []);
    }
  });

  test('a commit that is told of only later had taken effect', () => {
    const script = new TransactionScript();
    script.begin('T');
    script.write('T', 'a', 0);
    script.end('T', 'commit', 'unknown');
    script.read('r', 'a', [0]);
    script.end('T', 'abort', 'failed', 'committed');
    assert.deepEqual(script.found(), []);
  });

  test('a read that overlaps the commit it sees', () => {
    const script = new TransactionScript();
    script.begin('T');
    script.write('T', 'a', 0);
    const endCommit = script.open('T', 'commit T', { kind: 'end', transaction: 'T', how: 'commit' });
    script.read('r', 'a', [0]);
    endCommit();
    assert.deepEqual(script.found(), []);
  });

  test('who asks for what is not committed sees what is open and what was aborted', () => {
    const script = new TransactionScript();
    script.begin('T');
    script.write('T', 'a', 0);
    script.read('r', 'a', [0], { uncommitted: true });
    script.end('T', 'abort');
    script.read('r', 'a', [0], { uncommitted: true });
    assert.deepEqual(script.found(), []);
  });

  test('aborted records are jumped over', () => {
    const script = new TransactionScript();
    script.begin('T');
    script.write('T', 'a', 0);
    script.end('T', 'abort');
    script.begin('U');
    script.write('U', 'a', 2);
    script.end('U', 'commit');
    script.read('r', 'a', [2], { stable: 4 });
    assert.deepEqual(script.found(), []);
  });

  test('a committed transaction is not seen behind one that is still open', () => {
    const script = new TransactionScript();
    for (const id of ['T', 'U']) script.begin(id);
    script.write('T', 'a', 0);
    script.write('U', 'a', 1);
    script.write('U', 'b', 0);
    script.end('U', 'commit');
    script.read('r', 'b', [0], { stable: 2 });
    script.read('r', 'a', [], { stable: 0 });
    script.end('T', 'abort');
    assert.deepEqual(script.found(), []);
  });

  test('one transaction reads what another wrote that was committed before, and so on in a chain', () => {
    const script = new TransactionScript();
    for (let step = 0; step < 4; step += 1) {
      script.begin(`T${step}`);
      if (step > 0) script.read(`T${step}`, 'a', [step - 1]);
      script.write(`T${step}`, 'a', step);
      script.end(`T${step}`, 'commit');
    }
    assert.deepEqual(script.found(), []);
  });

  test('what an aborted transaction acknowledged comes again, and is acknowledged in another', () => {
    const script = new TransactionScript();
    script.send('m', 0);
    script.receive('c', delivery('m', 0, 'one'));
    script.begin('T');
    script.ack('T', 0, 'one');
    script.end('T', 'abort');
    script.receive('c', delivery('m', 0, 'two'));
    script.begin('U');
    script.ack('U', 0, 'two');
    script.end('U', 'commit');
    assert.deepEqual(script.found(DRAINED), []);
  });

  test('what a transaction acknowledged of which nobody knows the end may come again or not', () => {
    for (const comesAgain of [true, false]) {
      const script = new TransactionScript();
      script.send('m', 0);
      script.receive('c', delivery('m', 0, 'one'));
      script.begin('T');
      script.ack('T', 0, 'one');
      script.end('T', 'commit', 'unknown');
      script.nowMs += 5000;
      if (comesAgain) {
        script.receive('c', delivery('m', 0, 'two'));
        script.settle('ack', 0, 'two');
      } else script.receive('c');
      assert.deepEqual(script.found(DRAINED), []);
    }
  });

  test('a position set in a transaction below the one in force does not move it back, nor is it one', () => {
    const script = new TransactionScript();
    script.position('commit', 9);
    script.begin('T');
    script.commitOffset('T', 4);
    script.end('T', 'commit');
    script.position('committed', 9);
    assert.deepEqual(script.found(), []);
  });

  test('a numbered send that is repeated stands where it stood, also before what came in between', () => {
    const script = new TransactionScript();
    script.send('first', 0);
    script.send('second', 1);
    const again = {
      kind: 'send',
      topic: 't',
      partition: 0,
      values: ['first'],
      baseOffset: 0,
      isDuplicate: true,
    } as const;
    script.call('p', 'send first again', again);
    assert.deepEqual(script.found(), []);
  });
});
