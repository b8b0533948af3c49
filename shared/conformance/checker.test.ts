/** Hand-made histories: one for each anomaly, and clean ones that look suspicious and are not. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type CheckOptions, checkHistory } from './checker.ts';
import { type Call, type CallFacts, History, type ReadRecord } from './history.ts';

const TOPIC = 't';
const LEASE_MS = 1000;

/** Writes a history call by call; calls follow each other unless they are opened by hand. */
class Script {
  nowMs = 0;
  readonly history = new History({ nowMs: () => this.nowMs });

  call(client: string, text: string, facts: CallFacts, outcome: 'ok' | 'failed' | 'unknown' = 'ok'): void {
    this.history.start({ client, text, facts })({ outcome, answer: outcome });
  }

  open(client: string, text: string, facts: CallFacts): (outcome?: 'ok' | 'failed' | 'unknown') => void {
    const end = this.history.start({ client, text, facts });
    return (outcome = 'ok') => end({ outcome, answer: outcome });
  }

  send(value: string, offset: number | null, outcome: 'ok' | 'failed' | 'unknown' = 'ok', client = 'p'): void {
    this.call(client, `send ${value}`, sendOf(value, offset), outcome);
  }

  receive(client: string, ...records: readonly ReadRecord[]): void {
    this.call(client, 'receive', receiveOf(client, records));
  }

  fetch(
    offset: number,
    values: readonly (readonly [number, string])[],
    more: { next?: number; start?: number } = {},
  ): void {
    const records = values.map(([at, value]) => ({ partition: 0, offset: at, value }));
    const nextOffset = more.next ?? (values.at(-1)?.[0] ?? offset - 1) + 1;
    const logStartOffset = more.start ?? 0;
    this.call('r', `fetch ${offset}`, {
      kind: 'fetch',
      topic: TOPIC,
      partition: 0,
      offset,
      records,
      nextOffset,
      logStartOffset,
    });
  }

  position(kind: 'commit' | 'committed' | 'seek', offset: number): void {
    this.call('c', `${kind} ${offset}`, { kind, topic: TOPIC, group: 'g', partition: 0, offset });
  }

  settle(kind: 'ack' | 'nack', offset: number, leaseToken: string): void {
    const refs = [{ topic: TOPIC, group: 'g', partition: 0, offset, leaseToken }];
    this.call('c', kind, kind === 'ack' ? { kind, refs, isCumulative: false } : { kind, refs });
  }

  anomalies(options: CheckOptions = {}): string[] {
    return checkHistory(this.history, options).map((anomaly) => anomaly.name);
  }

  /** The one anomaly, and the texts of the calls it cites. */
  only(name: string, cited: readonly string[], options: CheckOptions = {}): void {
    const found = checkHistory(this.history, options);
    assert.deepEqual(
      found.map((anomaly) => anomaly.name),
      [name],
    );
    assert.deepEqual(
      found[0]?.calls.map((call: Call) => call.text),
      cited,
    );
  }
}

function sendOf(value: string, baseOffset: number | null): CallFacts {
  return { kind: 'send', topic: TOPIC, partition: 0, values: [value], baseOffset };
}

function receiveOf(memberId: string, records: readonly ReadRecord[]): CallFacts {
  return { kind: 'receive', topic: TOPIC, group: 'g', memberId, leaseMs: LEASE_MS, records };
}

function delivery(value: string, offset: number | null, leaseToken: string | null): ReadRecord {
  return { partition: 0, offset, value, leaseToken, deliveryCount: 1 };
}

const DRAINED: CheckOptions = { drained: [{ topic: TOPIC, group: 'g' }] };
const READ_WHOLE: CheckOptions = { readWhole: [TOPIC] };

describe('each anomaly is named, with the calls that contradict each other', () => {
  test('lost: a message was accepted and never delivered, although a later one was', () => {
    const script = new Script();
    script.send('a', 0);
    script.send('b', 1);
    script.receive('c', delivery('b', 1, 'token'));
    script.only('lost', ['send a', 'receive'], DRAINED);
  });

  test('lost: a record was accepted and never fetched, although a later one was', () => {
    const script = new Script();
    script.send('a', 0);
    script.send('b', 1);
    script.fetch(1, [[1, 'b']]);
    script.only('lost', ['send a', 'fetch 1'], READ_WHOLE);
  });

  test('unobserved: the last message never showed although everything was read', () => {
    const script = new Script();
    script.send('a', 0);
    script.send('b', 1);
    script.receive('c', delivery('a', 0, 'token'));
    script.only('unobserved', ['send b', 'receive'], DRAINED);
    const log = new Script();
    log.send('a', 0);
    log.only('unobserved', ['send a'], READ_WHOLE);
  });

  test('phantom: something was read that nobody had sent', () => {
    const script = new Script();
    script.receive('c', delivery('ghost', 0, 'token'));
    script.only('phantom', ['receive']);
  });

  test('phantom: something was read before it was sent', () => {
    const script = new Script();
    script.fetch(0, [[0, 'a']]);
    script.send('a', 0);
    script.only('phantom', ['fetch 0', 'send a']);
  });

  test('aborted read: something was read whose send had been refused', () => {
    const script = new Script();
    script.send('a', null, 'failed');
    script.receive('c', delivery('a', 0, 'token'));
    script.only('aborted read', ['send a', 'receive']);
  });

  test('duplicate: one message stands at two offsets', () => {
    const script = new Script();
    script.send('a', 0);
    script.fetch(0, [
      [0, 'a'],
      [1, 'a'],
    ]);
    script.only('duplicate', ['send a', 'fetch 0']);
  });

  test('duplicate: a message is delivered again after its ack was answered', () => {
    const script = new Script();
    script.send('a', 0);
    script.receive('c', delivery('a', 0, 'token-1'));
    script.settle('ack', 0, 'token-1');
    script.nowMs += 2 * LEASE_MS;
    script.receive('d', delivery('a', 0, 'token-2'));
    script.only('duplicate', ['ack', 'receive']);
  });

  test('duplicate: a message is delivered to a second member while its lease runs', () => {
    const script = new Script();
    script.send('a', 0);
    script.receive('c', delivery('a', 0, 'token-1'));
    script.nowMs += LEASE_MS - 1;
    script.receive('d', delivery('a', 0, 'token-2'));
    script.only('duplicate', ['receive', 'receive']);
  });

  test('duplicate: a broker without leases hands a message out twice', () => {
    const script = new Script();
    script.send('a', null);
    script.receive('c', delivery('a', null, null));
    script.nowMs += 5 * LEASE_MS;
    script.receive('d', delivery('a', null, null));
    script.only('duplicate', ['receive', 'receive']);
  });

  test('reordered: one answer has a higher offset before a lower one', () => {
    const script = new Script();
    script.send('a', 0);
    script.send('b', 1);
    script.receive('c', delivery('b', 1, 'x'), delivery('a', 0, 'y'));
    script.only('reordered', ['receive']);
  });

  test('reordered: a member gets a lower offset for the first time after a higher one', () => {
    const script = new Script();
    script.send('a', 0);
    script.send('b', 1);
    script.receive('c', delivery('b', 1, 'x'));
    script.receive('c', delivery('a', 0, 'y'));
    script.only('reordered', ['receive', 'receive']);
  });

  test('inconsistent offsets: two receipts name one offset', () => {
    const script = new Script();
    script.send('a', 0, 'ok', 'p');
    script.send('b', 0, 'ok', 'q');
    script.only('inconsistent offsets', ['send a', 'send b']);
  });

  test('inconsistent offsets: two readers see different messages at one offset', () => {
    const script = new Script();
    script.send('a', 0);
    script.send('b', 1);
    script.fetch(0, [[0, 'a']]);
    script.fetch(0, [[0, 'b']], { next: 1 });
    assert.ok(script.anomalies().includes('inconsistent offsets'));
  });

  test('internal skip: one fetch jumps over a record', () => {
    const script = new Script();
    for (const [offset, value] of ['a', 'b', 'c'].entries()) script.send(value, offset);
    script.fetch(0, [
      [0, 'a'],
      [2, 'c'],
    ]);
    script.only('internal skip', ['send b', 'fetch 0']);
  });

  test('external skip: a fetch begins above the offset it was asked for, or sends its reader too far', () => {
    const script = new Script();
    for (const [offset, value] of ['a', 'b', 'c'].entries()) script.send(value, offset);
    script.fetch(1, [[2, 'c']]);
    script.only('external skip', ['send b', 'fetch 1']);
    const tooFar = new Script();
    for (const [offset, value] of ['a', 'b', 'c'].entries()) tooFar.send(value, offset);
    tooFar.fetch(0, [[0, 'a']], { next: 2 });
    tooFar.only('external skip', ['send b', 'fetch 0']);
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
    assert.ok(script.anomalies().includes('internal nonmonotonic poll'));
  });

  test('external nonmonotonic poll: a fetch answers what stands before the offset asked for, or sends its reader back', () => {
    const script = new Script();
    script.send('a', 0);
    script.send('b', 1);
    script.fetch(1, [[0, 'a']], { next: 2 });
    assert.ok(script.anomalies().includes('external nonmonotonic poll'));
    const back = new Script();
    back.send('a', 0);
    back.fetch(0, [[0, 'a']], { next: 0 });
    back.only('external nonmonotonic poll', ['fetch 0']);
  });

  test('nonmonotonic send: the later of two sends of one producer stands first', () => {
    const script = new Script();
    script.send('a', 1);
    script.send('b', 0);
    script.only('nonmonotonic send', ['send a', 'send b']);
  });

  test('ack regression: a committed position moves back and nobody has sought', () => {
    const script = new Script();
    script.position('commit', 5);
    script.position('committed', 3);
    script.only('ack regression', ['commit 5', 'committed 3']);
  });
});

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
    assert.deepEqual(script.anomalies(DRAINED), []);
  });

  test('an extended lease may end later, and a shortened one earlier', () => {
    const script = new Script();
    script.send('a', 0);
    script.receive('c', delivery('a', 0, 'one'));
    const refs = [{ topic: TOPIC, group: 'g', partition: 0, offset: 0, leaseToken: 'one' }];
    script.call('c', 'extend', { kind: 'extendLease', refs, leaseMs: 10 });
    script.nowMs += 10;
    script.receive('d', delivery('a', 0, 'two'));
    assert.deepEqual(script.anomalies(), []);
  });

  test('a send whose outcome is unknown may be read or not', () => {
    const script = new Script();
    script.send('read', null, 'unknown');
    script.send('unread', null, 'unknown');
    script.receive('c', delivery('read', 0, 'one'));
    assert.deepEqual(script.anomalies(DRAINED), []);
  });

  test('a message sent twice may stand at two offsets', () => {
    const script = new Script();
    script.send('a', 0);
    script.send('a', 1);
    script.fetch(0, [
      [0, 'a'],
      [1, 'a'],
    ]);
    assert.deepEqual(script.anomalies(READ_WHOLE), []);
  });

  test('a read that overlaps the send it sees is no phantom', () => {
    const script = new Script();
    const endSend = script.open('p', 'send a', sendOf('a', 0));
    script.receive('c', delivery('a', 0, 'one'));
    endSend();
    assert.deepEqual(script.anomalies(DRAINED), []);
  });

  test('two producers, and two overlapping sends of one, may stand in any order', () => {
    const script = new Script();
    script.send('a', 5, 'ok', 'p');
    script.send('b', 0, 'ok', 'q');
    const first = script.open('p', 'send c', sendOf('c', 8));
    const second = script.open('p', 'send d', sendOf('d', 7));
    first();
    second();
    assert.deepEqual(script.anomalies(), []);
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
    assert.deepEqual(script.anomalies(READ_WHOLE), []);
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
    assert.deepEqual(script.anomalies(), []);
  });

  test('a topic that was deleted may count its offsets from the beginning again', () => {
    const script = new Script();
    script.send('a', 0);
    script.call('c', 'delete', { kind: 'deleteTopic', topic: TOPIC });
    script.send('b', 0);
    assert.deepEqual(script.anomalies(), []);
  });
});
