/** Each anomaly of transactions in a hand-made history: it is named, and the calls that contradict each other are cited. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DRAINED, delivery } from './testing/handmade-history.ts';
import { TransactionScript, writeOf } from './testing/transaction-script.ts';

/** There are exactly these anomalies, and the first cites exactly these calls. */
function found(script: TransactionScript, expected: readonly string[], cited: readonly string[] = []): void {
  const anomalies = script.found();
  assert.deepEqual(
    anomalies.map(({ name }) => name),
    expected,
  );
  if (cited.length > 0) {
    assert.deepEqual(
      anomalies[0]?.calls.map(({ text }) => text),
      cited,
    );
  }
}

describe('each anomaly of transactions is named, with the calls that contradict each other', () => {
  test('aborted read (G1a): something is read whose transaction was aborted', () => {
    const script = new TransactionScript();
    script.begin('T');
    script.write('T', 'a', 0);
    script.end('T', 'abort');
    script.read('r', 'a', [0]);
    found(script, ['aborted read'], ['abort T', 'r reads a']);
  });

  test('aborted read: something is read whose transaction nobody ended', () => {
    const script = new TransactionScript();
    script.begin('T');
    script.write('T', 'a', 0);
    script.read('r', 'a', [0]);
    found(script, ['aborted read'], ['T sends a0', 'r reads a']);
  });

  test('aborted read: a commit was refused, since the transaction had been aborted', () => {
    const script = new TransactionScript();
    script.begin('T');
    script.write('T', 'a', 0);
    script.end('T', 'commit', 'failed', 'aborted');
    script.read('r', 'a', [0]);
    found(script, ['aborted read'], ['commit T', 'r reads a']);
  });

  test('precommitted read: something is read before its commit began', () => {
    const script = new TransactionScript();
    script.begin('T');
    script.write('T', 'a', 0);
    script.read('r', 'a', [0]);
    script.end('T', 'commit');
    found(script, ['precommitted read'], ['r reads a', 'commit T']);
  });

  test('dirty write (G0): a transaction that began after the end of another stands before it', () => {
    const script = new TransactionScript();
    script.begin('T');
    script.write('T', 'a', 1);
    script.end('T', 'commit');
    script.begin('U');
    script.write('U', 'a', 0);
    script.end('U', 'commit');
    found(script, ['dirty write'], ['T sends a1', 'U sends a0']);
  });

  test('inconsistent offsets: two transactions were given one place', () => {
    const script = new TransactionScript();
    for (const id of ['T', 'U']) {
      script.begin(id);
      script.write(id, 'a', 0, `of ${id}`);
      script.end(id, 'commit');
    }
    assert.ok(script.found().some(({ name }) => name === 'inconsistent offsets'));
  });

  test('circular flow (G1c): two transactions each read what the other wrote', () => {
    const script = new TransactionScript();
    for (const id of ['T', 'U']) script.begin(id);
    script.write('T', 'a', 0);
    script.write('U', 'b', 0);
    script.read('T', 'b', [0]);
    script.read('U', 'a', [0]);
    for (const id of ['T', 'U']) script.end(id, 'commit');
    found(script, ['circular flow'], ['T reads b', 'U reads a']);
  });

  test('circular flow: over three transactions, one of which read by acknowledging', () => {
    const script = new TransactionScript();
    for (const id of ['T', 'U', 'V']) script.begin(id);
    script.write('T', 'a', 0);
    script.write('U', 'b', 0);
    script.call('V', 'V sends t0', writeOf('V', 't', 0, 't0'));
    script.receive('T', delivery('t0', 0, 'token'));
    script.ack('T', 0, 'token');
    script.read('U', 'a', [0]);
    script.read('V', 'b', [0]);
    for (const id of ['T', 'U', 'V']) script.end(id, 'commit');
    assert.equal(script.found()[0]?.name, 'circular flow');
  });

  test('fractured read (G-single): one topic shows a transaction, and another does not any more', () => {
    const script = new TransactionScript();
    script.begin('T');
    script.write('T', 'a', 0);
    script.write('T', 'b', 0);
    const endCommit = script.open('T', 'commit T', { kind: 'end', transaction: 'T', how: 'commit' });
    script.read('r', 'a', [0], { stable: 1 });
    script.read('r', 'b', [], { stable: 0 });
    endCommit();
    found(script, ['fractured read'], ['r reads a', 'r reads b']);
  });

  test('fractured read: a commit was answered, and a reader does not find it', () => {
    const script = new TransactionScript();
    script.begin('T');
    script.write('T', 'a', 0);
    script.end('T', 'commit');
    script.read('r', 'a', [], { stable: 0 });
    found(script, ['fractured read'], ['commit T', 'r reads a']);
  });

  test('lost: a committed message is never delivered, though a later one is', () => {
    const script = new TransactionScript();
    script.begin('T');
    script.call('T', 'T sends t0', writeOf('T', 't', 0, 't0'));
    script.end('T', 'commit');
    script.send('later', 1);
    script.receive('c', delivery('later', 1, 'token'));
    script.settle('ack', 1, 'token');
    assert.deepEqual(
      script.found(DRAINED).map(({ name }) => name),
      ['lost'],
    );
  });

  test('duplicate: what a committed transaction acknowledged is delivered again', () => {
    const script = new TransactionScript();
    script.send('m', 0);
    script.receive('c', delivery('m', 0, 'one'));
    script.begin('T');
    script.ack('T', 0, 'one');
    script.nowMs += 5000;
    script.receive('d', delivery('m', 0, 'two'));
    script.end('T', 'commit');
    found(script, ['duplicate'], ['T acks 0', 'receive']);
  });

  test('lost: what an aborted transaction acknowledged does not come again', () => {
    const script = new TransactionScript();
    script.send('m', 0);
    script.receive('c', delivery('m', 0, 'one'));
    script.begin('T');
    script.ack('T', 0, 'one');
    script.end('T', 'abort');
    script.nowMs += 5000;
    script.receive('c');
    assert.deepEqual(
      script.found(DRAINED).map(({ name }) => name),
      ['lost'],
    );
  });

  test('ack regression: a position that was set in a committed transaction is gone', () => {
    const script = new TransactionScript();
    script.begin('T');
    script.commitOffset('T', 7);
    script.end('T', 'commit');
    script.position('committed', 3);
    found(script, ['ack regression'], ['commit T', 'committed 3']);
  });
});
