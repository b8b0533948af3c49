/** A client and a server in front of a broker that only says what a test wants: what crosses the wire, and how it looks. */
import type { Broker } from '../../../shared/contract/broker.ts';
import type { Delivery, Receipt, StoredRecord } from '../../../shared/contract/message.ts';
import { createClient, createServer } from '../index.ts';
import { type ScriptedBroker, scriptedBroker } from './scripted-broker.ts';

export interface Wired extends AsyncDisposable, Omit<ScriptedBroker, 'broker'> {
  readonly client: Broker;
  readonly url: string;
}

export async function wired(answers: ScriptedBroker['answers'] = {}): Promise<Wired> {
  const scripted = scriptedBroker(answers);
  const server = await createServer(scripted.broker);
  const client = await createClient(server.url);
  return {
    ...scripted,
    client,
    url: server.url,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await server.close({ timeoutMs: 0 });
    },
  };
}

export const RECEIPT: Receipt = { topic: 't', partition: 2, offset: 7, id: 'i', durability: 'synced' };
export const RECORD: StoredRecord = {
  ...{
    topic: 't',
    partition: 2,
    offset: 7,
    id: 'i',
    key: 'k',
    headers: Object.assign(Object.create(null), { h: 'v' }),
  },
  ...{ body: new Uint8Array([255, 0]), timestamp: 1_800_000_000_000, priority: 9, expiresAt: 1_800_000_060_000 },
};
export const DELIVERY: Delivery = {
  ...RECORD,
  ...{ group: 'g', memberId: 'm', deliveryCount: 3, leaseToken: 'token', leaseExpiresAt: 1_800_000_030_000 },
  redeliveryReason: 'redrive',
};
export const refOf = ({ topic, partition, offset, group, memberId, leaseToken }: Delivery): object => {
  return { topic, partition, offset, group, memberId, leaseToken };
};
