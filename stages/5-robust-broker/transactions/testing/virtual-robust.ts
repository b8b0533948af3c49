/**
 * A broker of this stage on a disk in memory and a clock that a test moves, and the ways in which it ends.
 *
 * For tests only.
 */
import type { Broker, FetchOptions } from '../../../../shared/contract/broker.ts';
import { isMqError } from '../../../../shared/contract/errors.ts';
import type { Delivery, StoredRecord } from '../../../../shared/contract/message.ts';
import type { Transaction } from '../../../../shared/contract/transaction.ts';
import { textsOf } from '../../../4-persisted-log/testing/virtual-broker.ts';
import { type LifePlace, openLife, type VirtualLife } from '../../../4-persisted-log/testing/virtual-life.ts';
import { createBroker, type RobustBrokerOptions } from '../../index.ts';

export function openRobust(options: RobustBrokerOptions = {}, on: LifePlace = {}): Promise<VirtualLife> {
  return openLife(createBroker, options, on);
}

/** The bodies of a partition, as readers of this isolation see them. */
export async function read(broker: Broker, topic: string, options: FetchOptions = {}): Promise<string[]> {
  const records: StoredRecord[] = [];
  for (let offset = 0; ; ) {
    const fetched = await broker.fetch(topic, { max: 1000, ...options, offset });
    records.push(...fetched.records);
    if (fetched.nextOffset === offset) return textsOf(records);
    offset = fetched.nextOffset;
  }
}

export async function receiveOne(broker: Broker, topic: string, group = 'default'): Promise<Delivery> {
  const [delivery] = await broker.receive(topic, { group });
  if (delivery === undefined) throw new Error(`nothing to receive from ${topic} for ${group}`);
  return delivery;
}

/** How it ended, or that nobody knows. */
export async function outcomeOf(broker: Broker, { id }: Pick<Transaction, 'id'>): Promise<string | undefined> {
  try {
    await broker.findTransaction(id);
    return 'open';
  } catch (error) {
    if (isMqError(error, 'MQ_TRANSACTION_ENDED')) return error.details.outcome;
    if (isMqError(error, 'MQ_UNKNOWN_TRANSACTION')) return undefined;
    return isMqError(error) ? error.code : String(error);
  }
}
