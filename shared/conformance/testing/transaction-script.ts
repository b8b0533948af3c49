/**
 * Histories of transactions written by hand, or by chance: what `Script` is for single calls. Two topics of one partition,
 * `a` and `b`; a value is named by where it stands.
 */
import type { CallFacts, CallOutcome } from '../history.ts';
import { Script } from './handmade-history.ts';

type Ended = Exclude<CallOutcome, 'open'>;

export class TransactionScript extends Script {
  begin(id: string, client = id): void {
    this.call(client, `begin ${id}`, { kind: 'begin', transaction: id });
  }

  /** Sends `value` in a transaction to an offset of a topic. */
  write(id: string, topic: string, offset: number, value = `${topic}${offset}`): void {
    this.call(id, `${id} sends ${value}`, writeOf(id, topic, offset, value));
  }

  end(id: string, how: 'commit' | 'abort', outcome: Ended = 'ok', endedBefore?: 'committed' | 'aborted'): void {
    const told = endedBefore === undefined ? {} : { endedBefore };
    this.call(id, `${how} ${id}`, { kind: 'end', transaction: id, how, ...told }, outcome);
  }

  /** A fetch from 0 that reads these offsets, and what stands behind the last of them up to where reading ended. */
  read(
    client: string,
    topic: string,
    offsets: readonly number[],
    more: { stable?: number; uncommitted?: boolean } = {},
  ): void {
    this.call(client, `${client} reads ${topic}`, readOf(topic, offsets, more));
  }

  /** Acknowledges in a transaction what `receive` handed out. */
  ack(id: string, offset: number, leaseToken: string, outcome: Ended = 'ok'): void {
    const refs = [{ topic: 't', group: 'g', partition: 0, offset, leaseToken }];
    this.call(id, `${id} acks ${offset}`, { kind: 'ack', refs, isCumulative: false, transaction: id }, outcome);
  }

  commitOffset(id: string, offset: number): void {
    const facts = { kind: 'commitOffset', topic: 't', group: 'g', partition: 0, offset, transaction: id } as const;
    this.call(id, `${id} sets ${offset}`, facts);
  }
}

export function writeOf(transaction: string, topic: string, baseOffset: number, value: string): CallFacts {
  return { kind: 'send', topic, partition: 0, values: [value], baseOffset, transaction };
}

export function readOf(
  topic: string,
  offsets: readonly number[],
  { stable, uncommitted = false }: { readonly stable?: number; readonly uncommitted?: boolean } = {},
): CallFacts {
  const records = offsets.map((offset) => ({ partition: 0, offset, value: `${topic}${offset}` }));
  const nextOffset = (offsets.at(-1) ?? -1) + 1;
  return {
    kind: 'fetch',
    topic,
    partition: 0,
    offset: offsets[0] ?? 0,
    records,
    nextOffset,
    logStartOffset: 0,
    ...(uncommitted ? { isUncommitted: true } : {}),
    ...(stable === undefined ? {} : { lastStableOffset: stable }),
  };
}
