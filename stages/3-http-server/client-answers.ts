/**
 * What each route answers, read and checked: from here on an answer is what its type says.
 *
 * Always true: an answer of another shape is `MQ_PROTOCOL`; members the protocol does not know are left as they are, so
 * that a later server may say more. The schemas are those the server publishes. The client calls it.
 */
import { Type } from 'typebox';
import type { FetchResult } from '../../shared/contract/broker.ts';
import type { ConnectionDescription } from '../../shared/contract/connections.ts';
import type { TopicDescription } from '../../shared/contract/description.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import type { Explanation } from '../../shared/contract/explanation.ts';
import type { LookupResult } from '../../shared/contract/filter.ts';
import type { HalfCheck, HalfReceipt } from '../../shared/contract/half-message.ts';
import type { Inside } from '../../shared/contract/inside.ts';
import type { BrowsedRecord, Delivery, Receipt, StoredRecord } from '../../shared/contract/message.ts';
import type { ProducerIdentity } from '../../shared/contract/producer.ts';
import type { Answer } from './exchange.ts';
import { type Bodied, type Json, recordOf } from './json-message.ts';
import {
  ConnectionsAnswer,
  DescriptionAnswer,
  DescriptionsAnswer,
  ExplainAnswer,
  InsideAnswer,
} from './routes/answers.ts';
import * as schemas from './schemas.ts';
import * as later from './transaction-schemas.ts';
import { notTheProtocol, type Reader, readerOf } from './wire.ts';

export const readReceipt = readerOf('a receipt', schemas.SentAnswer);
export const readBatchReceipt = readerOf('a receipt for a batch', schemas.SentManyAnswer);

const extended = readerOf('a lease', schemas.ExtendAnswer);
const positioned = readerOf('an offset', schemas.OffsetAnswer);
const counted = readerOf('a count', schemas.CountAnswer);
export const readLeaseEnd = (answer: Answer): number => extended(answer).leaseExpiresAt;
export const readOffset = (answer: Answer): number => positioned(answer).offset;
export const readCount = (answer: Answer): number => counted(answer).count;

// Their schemas are published for people: the contract's types say more than those do.
export const readDescription: Reader<TopicDescription> = readerOf(
  'a description',
  Type.Unsafe<TopicDescription>(DescriptionAnswer),
);
const described = readerOf('descriptions', Type.Unsafe<{ topics: TopicDescription[] }>(DescriptionsAnswer));
export const readDescriptions = (answer: Answer): readonly TopicDescription[] => described(answer).topics;
export const readInside: Reader<Inside> = readerOf('the inside of a topic', Type.Unsafe<Inside>(InsideAnswer));
const connected = readerOf('connections', Type.Unsafe<{ connections: ConnectionDescription[] }>(ConnectionsAnswer));
export const readConnections = (answer: Answer): readonly ConnectionDescription[] => connected(answer).connections;
const explained = readerOf('an explanation', Type.Unsafe<{ explanation: Explanation | null }>(ExplainAnswer));
export const readExplanation = (answer: Answer): Explanation | null => explained(answer).explanation;

const received = readerOf('deliveries', schemas.ReceiveAnswer);
const browsed = readerOf('records to browse', schemas.BrowseAnswer);
const fetched = readerOf('records', schemas.FetchAnswer);
export const readDeliveries = (answer: Answer): readonly Delivery[] => recordsOf(received(answer).deliveries);
export const readBrowsed = (answer: Answer): readonly BrowsedRecord[] => recordsOf(browsed(answer).records);

/** A fetch that was answered in JSON. */
export function readFetched(answer: Answer): FetchResult {
  const { records, nextOffset, logStartOffset, highWatermark, lastStableOffset } = fetched(answer);
  const place = { nextOffset, logStartOffset, highWatermark };
  return { records: recordsOf(records), ...place, ...(lastStableOffset === undefined ? {} : { lastStableOffset }) };
}

const opened = readerOf('a producer', later.ProducerAnswer);
const begun = readerOf('a transaction', later.TransactionAnswer);
const kept = readerOf('a half message', later.HalfAnswer);
const ended = readerOf('the end of a half message', later.EndHalfAnswer);
const asked = readerOf('questions', later.HalfChecksAnswer);
const found = readerOf('records with a key', schemas.LookupAnswer);
const made = readerOf('a topic', later.TemporaryTopicAnswer);
export const readProducer = (answer: Answer): ProducerIdentity => opened(answer);
export const readTransactionId = (answer: Answer): string => begun(answer).id;
export const readHalf = (answer: Answer): HalfReceipt => kept(answer);
export const readEndHalf = (answer: Answer): Receipt | null => ended(answer).receipt;
export const readHalfChecks = (answer: Answer): readonly HalfCheck[] => recordsOf(asked(answer).checks);
export const readTemporaryTopic = (answer: Answer): string => made(answer).topic;

export function readLookup(answer: Answer): LookupResult {
  const { records, partition, nextOffset } = found(answer);
  return { records: recordsOf(records), partition, nextOffset };
}

function recordsOf<R extends Json<Pick<StoredRecord, 'body' | 'headers'>>>(records: readonly R[]): Bodied<R>[] {
  try {
    return records.map((record) => recordOf(record));
  } catch (error) {
    // To a server such a body is its caller's mistake; here it is the server's.
    if (isMqError(error, 'MQ_INVALID_ARGUMENT')) throw notTheProtocol('a body that is not in its encoding', error);
    throw error;
  }
}
