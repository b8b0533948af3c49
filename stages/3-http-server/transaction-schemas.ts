/**
 * The shapes of requests and answers about producers, transactions and half messages; `schemas.ts` has the others.
 *
 * Always true: as there. `routes/` use them.
 */
import { Type } from 'typebox';
import type { Receipt } from '../../shared/contract/message.ts';
import {
  Count,
  closed,
  DeliveryRefBody,
  durability,
  recordMembers,
  SentAnswer,
  Text,
  Whole,
  words,
} from './schemas.ts';

// ---- what is in the path

export const TransactionPath = Type.Object({ transaction: Text });
export const TransactionTopicPath = Type.Object({ transaction: Text, topic: Text });
export const HalfPath = Type.Object({ topic: Text, halfId: Text });
export const ProducerGroupPath = Type.Object({ producerGroup: Text });

// ---- what comes in

export const ProducerBody = closed({ name: Type.Optional(Text) });
export const BeginBody = closed({ timeoutMs: Type.Optional(Whole), transactionalId: Type.Optional(Text) });
export const TransactionSendQuery = closed({ partition: Type.Optional(Whole), timeoutMs: Type.Optional(Whole) });
/** The topic stands with each: one call may finish deliveries of several. */
export const TransactionAckBody = closed({
  deliveries: Type.Array(Type.Object({ ...DeliveryRefBody.properties, topic: Text })),
});
export const CommitOffsetBody = closed({
  topic: Text,
  group: Text,
  partition: Type.Optional(Whole),
  offset: Whole,
});
export const HalfQuery = closed({
  producerGroup: Text,
  partition: Type.Optional(Whole),
  checkAfterMs: Type.Optional(Whole),
  timeoutMs: Type.Optional(Whole),
});
export const EndHalfBody = closed({ outcome: words('commit', 'abort', 'unknown') });
export const HalfChecksBody = closed({ max: Type.Optional(Whole), waitMs: Type.Optional(Whole) });

// ---- what goes out

export const ProducerAnswer = Type.Object({ producerId: Count, epoch: Count });
export const TransactionAnswer = Type.Object({ id: Text });
export const HalfAnswer = Type.Object({ topic: Text, halfId: Text, id: Text, durability });
export const EndHalfAnswer = Type.Object({
  receipt: Type.Unsafe<Receipt | null>({ ...SentAnswer, type: ['object', 'null'] }),
});
const { partition: _, offset: __, priority: ___, expiresAt: ____, ...contentMembers } = recordMembers;
export const HalfChecksAnswer = Type.Object({
  checks: Type.Array(
    Type.Object({ ...contentMembers, halfId: Text, producerGroup: Text, checkCount: Count, checksMax: Count }),
  ),
});
export const TemporaryTopicAnswer = Type.Object({ topic: Text });
