/**
 * Histories written by hand, call by call: one topic, one group, and a clock that moves when told. For trying the
 * checker out on a history nobody had to run; the tests of the checker are made of these.
 */
import { type Anomaly, type CheckOptions, checkHistory } from '../checker.ts';
import { type CallFacts, History, type ReadRecord } from '../history.ts';

export const TOPIC = 't';
export const LEASE_MS = 1000;

/** Writes a history call by call; calls follow each other unless they are opened by hand. */
export class Script {
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

  found(options: CheckOptions = {}): readonly Anomaly[] {
    return checkHistory(this.history, options);
  }
}

export function sendOf(value: string, baseOffset: number | null, partition = 0): CallFacts {
  return { kind: 'send', topic: TOPIC, partition, values: [value], baseOffset };
}

function receiveOf(memberId: string, records: readonly ReadRecord[]): CallFacts {
  return { kind: 'receive', topic: TOPIC, group: 'g', memberId, leaseMs: LEASE_MS, records };
}

export function delivery(value: string, offset: number | null, leaseToken: string | null): ReadRecord {
  return { partition: 0, offset, value, leaseToken, deliveryCount: 1 };
}

export const DRAINED: CheckOptions = { drained: [{ topic: TOPIC, group: 'g' }] };
export const READ_WHOLE: CheckOptions = { readWhole: [TOPIC] };
