/**
 * The shapes of requests and answers, once: they check what comes in, serialise what goes out, type the handlers, and
 * are what `/openapi.json` publishes.
 *
 * Always true: a schema says what a value is made of; how large it may be is the broker's business, because brokers have
 * different limits. Members that a schema does not name are refused in requests. `routes/` use them.
 */
import { type TProperties, Type } from 'typebox';
import type { RetryDelays, SeekTarget } from '../../shared/contract/description.ts';

/** An object with these members and no others. */
export const closed = <T extends TProperties>(members: T) => Type.Object(members, { additionalProperties: false });

export const Text = Type.String();
export const Whole = Type.Integer();
const WholeOrNull = Type.Unsafe<number | null>({ type: ['integer', 'null'] });
const TextOrNull = Type.Unsafe<string | null>({ type: ['string', 'null'] });
export const words = <T extends string>(...choices: T[]) => Type.Unsafe<T>({ type: 'string', enum: choices });
const HeadersOf = Type.Unsafe<Record<string, string>>({ type: 'object', additionalProperties: { type: 'string' } });

const Place = Type.Unsafe<SeekTarget>({
  anyOf: [
    { type: 'string', enum: ['earliest', 'latest'] },
    { type: 'object', properties: { offset: { type: 'integer' } }, required: ['offset'], additionalProperties: false },
    {
      type: 'object',
      properties: { timestamp: { type: 'integer' } },
      required: ['timestamp'],
      additionalProperties: false,
    },
  ],
});

/** The order of the shapes is that of the contract; which numbers are sensible the broker says. */
const Delays = Type.Unsafe<RetryDelays>({
  anyOf: [
    { type: 'array', items: { type: 'integer' } },
    { type: 'string', enum: ['classic'] },
    {
      type: 'object',
      properties: {
        firstMs: { type: 'integer' },
        factor: { type: 'number' },
        delayMsMax: { type: 'integer' },
        jitter: { type: 'number' },
      },
      required: ['firstMs', 'delayMsMax'],
      additionalProperties: false,
    },
  ],
});

const FilterBody = closed({ tags: Type.Optional(Type.Array(Text)), selector: Type.Optional(Text) });

// ---- what is in the path

export const TopicPath = Type.Object({ topic: Text });
export const GroupPath = Type.Object({ topic: Text, group: Text });
export const MemberPath = Type.Object({ topic: Text, group: Text, memberId: Text });

// ---- what comes in

export const TopicOptionsBody = closed({
  messagesMax: Type.Optional(Whole),
  bytesMax: Type.Optional(Whole),
  overflow: Type.Optional(words('wait', 'reject', 'drop-oldest')),
  partitionCount: Type.Optional(Whole),
  ttlMs: Type.Optional(Whole),
  retentionMs: Type.Optional(Whole),
  deleteFinished: Type.Optional(Type.Boolean()),
  dedupWindowMs: Type.Optional(Whole),
});

const MessageBody = closed({
  body: Text,
  encoding: Type.Optional(words('utf8', 'base64')),
  key: Type.Optional(Text),
  headers: Type.Optional(HeadersOf),
  id: Type.Optional(Text),
  delayMs: Type.Optional(Whole),
  deliverAt: Type.Optional(Whole),
  ttlMs: Type.Optional(Whole),
  priority: Type.Optional(Whole),
});
export const SendBody = Type.Union([MessageBody, closed({ messages: Type.Array(MessageBody) })]);
/** The last three belong together: who sends, and the number of its first message. */
export const SendQuery = closed({
  partition: Type.Optional(Whole),
  timeoutMs: Type.Optional(Whole),
  producerId: Type.Optional(Whole),
  epoch: Type.Optional(Whole),
  sequence: Type.Optional(Whole),
});

export const FetchQuery = closed({
  partition: Type.Optional(Whole),
  offset: Type.Optional(Whole),
  max: Type.Optional(Whole),
  waitMs: Type.Optional(Whole),
  bytesMax: Type.Optional(Whole),
  isolation: Type.Optional(words('read-uncommitted', 'read-committed')),
});

export const LookupQuery = closed({
  key: Text,
  partition: Type.Optional(Whole),
  offset: Type.Optional(Whole),
  max: Type.Optional(Whole),
});

export const ReceiveBody = closed({
  group: Type.Optional(Text),
  memberId: Type.Optional(Text),
  max: Type.Optional(Whole),
  bytesMax: Type.Optional(Whole),
  waitMs: Type.Optional(Whole),
  leaseMs: Type.Optional(Whole),
  filter: Type.Optional(FilterBody),
});

/** Open, unlike the others, so that a received delivery can be sent back as it is. */
export const DeliveryRefBody = Type.Object({
  topic: Type.Optional(Text),
  partition: Type.Optional(Whole),
  offset: WholeOrNull,
  group: Type.Optional(Text),
  memberId: Text,
  leaseToken: TextOrNull,
});
export const AckBody = closed({ deliveries: Type.Array(DeliveryRefBody), cumulative: Type.Optional(Type.Boolean()) });
export const NackBody = closed({
  delivery: DeliveryRefBody,
  outcome: Type.Optional(words('retry', 'return', 'reject')),
  delayMs: Type.Optional(Whole),
  reason: Type.Optional(Text),
});
export const ExtendBody = closed({ delivery: DeliveryRefBody, leaseMs: Type.Optional(Whole) });

export const GroupOptionsBody = closed({
  start: Type.Optional(Place),
  isEphemeral: Type.Optional(Type.Boolean()),
  onOutOfRange: Type.Optional(words('earliest', 'latest', 'error')),
  mode: Type.Optional(words('shared', 'exclusive', 'failover', 'key-ordered')),
  deliveriesMax: Type.Optional(Whole),
  retryDelays: Type.Optional(Delays),
  deadLetterExpired: Type.Optional(Type.Boolean()),
  filter: Type.Optional(FilterBody),
});
export const OffsetQuery = closed({ partition: Type.Optional(Whole) });
/** `op` decides whether `offset` or `to` belongs to it; the route looks after that. */
export const OffsetBody = closed({
  op: words('commit', 'seek'),
  offset: Type.Optional(Whole),
  to: Type.Optional(Place),
  partition: Type.Optional(Whole),
});
export const BrowseQuery = closed({
  partition: Type.Optional(Whole),
  max: Type.Optional(Whole),
  after: Type.Optional(Whole),
});
export const InsideQuery = closed({ max: Type.Optional(Whole) });
export const ExplainQuery = closed({ id: Text });
/** Which dead letters; all of them when nothing is said. */
export const DeadLettersBody = closed({ max: Type.Optional(Whole), ids: Type.Optional(Type.Array(Text)) });
/** Of a request whose path says everything. */
export const NoBody = closed({});

// ---- what goes out

/** A number that counts or numbers something: every language that reads it can hold it exactly. */
const COUNT = { minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
export const Count = Type.Integer(COUNT);
const CountOrNull = Type.Unsafe<number | null>({ type: ['integer', 'null'], ...COUNT });

export const durability = words('memory', 'written', 'synced');
const receiptMembers = {
  topic: Text,
  partition: Count,
  durability,
  isDuplicate: Type.Optional(Type.Unsafe<true>({ type: 'boolean', enum: [true] })),
};
const ofOne = { offset: CountOrNull, id: Text, deliverAt: Type.Optional(Type.Number()) };
const ofMany = { baseOffset: CountOrNull, count: Count, ids: Type.Array(Text) };
export const SentAnswer = Type.Object({ ...receiptMembers, ...ofOne });
export const SentManyAnswer = Type.Object({ ...receiptMembers, ...ofMany });
/** Either of the two, as one object: the serialiser then need not try both. */
export const ReceiptAnswer = Type.Object({
  ...receiptMembers,
  ...Type.Partial(Type.Object({ ...ofOne, ...ofMany })).properties,
});

export const recordMembers = {
  topic: Text,
  partition: Count,
  offset: CountOrNull,
  id: Text,
  key: Type.Optional(Text),
  headers: HeadersOf,
  body: Text,
  encoding: words('utf8', 'base64'),
  timestamp: Type.Number(),
  priority: Type.Optional(Count),
  expiresAt: Type.Optional(Type.Number()),
};
export const FetchAnswer = Type.Object({
  records: Type.Array(Type.Object(recordMembers)),
  nextOffset: Count,
  logStartOffset: Count,
  highWatermark: Count,
  lastStableOffset: Type.Optional(Count),
});
export const LookupAnswer = Type.Object({
  records: Type.Array(Type.Object(recordMembers)),
  partition: Count,
  nextOffset: CountOrNull,
});
export const BrowseAnswer = Type.Object({
  records: Type.Array(
    Type.Object({ ...recordMembers, state: words('available', 'in-flight', 'delayed'), deliveryCount: Count }),
  ),
});
export const ReceiveAnswer = Type.Object({
  deliveries: Type.Array(
    Type.Object({
      ...recordMembers,
      group: Text,
      memberId: Text,
      deliveryCount: Count,
      leaseToken: TextOrNull,
      leaseExpiresAt: Type.Unsafe<number | null>({ type: ['number', 'null'] }),
      redeliveryReason: Type.Optional(words('lease-expired', 'retry', 'return', 'member-left', 'seek', 'redrive')),
    }),
  ),
});

export const ExtendAnswer = Type.Object({ leaseExpiresAt: Type.Number() });
export const OffsetAnswer = Type.Object({ offset: Count });
export const CountAnswer = Type.Object({ count: Count });
