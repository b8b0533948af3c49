/**
 * The `response` part of a route's schema: what it answers when it succeeds, and the problem document when it does not.
 * The answers that are described only here are those that people and screens read, not clients.
 *
 * Always true: every route uses `ok` or `done`, so every operation of `/openapi.json` documents its errors.
 */
import { type TSchema, Type } from 'typebox';
import { PROBLEM_TYPE } from '../problem.ts';

const Problem = Type.Object(
  { type: Type.String(), title: Type.String(), status: Type.Integer(), detail: Type.String(), code: Type.String() },
  { additionalProperties: true },
);
const problem = { description: 'What was wrong (RFC 9457)', content: { [PROBLEM_TYPE]: { schema: Problem } } };
const problems = { '4xx': problem, '5xx': problem };

/** 200 with a JSON body. */
export const ok = <T extends TSchema>(schema: T) => ({ 200: { description: 'Success', ...schema }, ...problems });

/** 200 with a JSON body, or, for a caller that accepts another type, with bytes and with header fields beside them. */
export const okOrBytes = <T extends TSchema>(
  schema: T,
  { mediaType, fields }: { readonly mediaType: string; readonly fields: Readonly<Record<string, string>> },
) => {
  const bytes = Type.Unsafe<Uint8Array>({ type: 'string', format: 'binary' });
  const content = { 'application/json': { schema }, [mediaType]: { schema: bytes } };
  const described = Object.entries(fields).map(([name, description]) => [name, { type: 'integer', description }]);
  return { 200: { description: 'Success', headers: Object.fromEntries(described), content }, ...problems };
};

/** 204 without a body. */
export const done = { 204: Type.Null({ description: 'Success; nothing to say' }), ...problems };

/** 200 with text. */
export const text = (mediaType: string) => ({
  200: { description: 'Success', content: { [mediaType]: { schema: Type.String() } } },
  ...problems,
});

const countMembers = Object.fromEntries(
  [
    'availableCount',
    'inFlightCount',
    'delayedCount',
    'redeliveredCount',
    'expiredCount',
    'deadCount',
    'droppedCount',
    'waiterCount',
    'lag',
    'logStartOffset',
    'logEndOffset',
  ].map((name) => [name, Type.Integer()]),
);
const open = { additionalProperties: true };
const GroupDescriptionAnswer = Type.Object(
  {
    group: Type.String(),
    kind: Type.String(),
    isEphemeral: Type.Boolean(),
    onOutOfRange: Type.String(),
    mode: Type.String(),
    committedOffset: Type.Integer(),
    members: Type.Array(Type.Object({ memberId: Type.String(), inFlightCount: Type.Integer() }, open)),
    deliveriesMax: Type.Optional(Type.Integer()),
    isPaused: Type.Optional(Type.Boolean()),
    filter: Type.Optional(Type.Object({}, open)),
    ...countMembers,
  },
  open,
);
export const DescriptionAnswer = Type.Object(
  {
    topic: Type.String(),
    partitionCount: Type.Integer(),
    options: Type.Object({}, open),
    bytes: Type.Integer(),
    isPaused: Type.Optional(Type.Boolean()),
    openTransactionCount: Type.Optional(Type.Integer()),
    lastStableOffset: Type.Optional(Type.Integer()),
    halfCount: Type.Optional(Type.Integer()),
    duplicateCount: Type.Optional(Type.Integer()),
    ...countMembers,
    groups: Type.Array(GroupDescriptionAnswer),
  },
  open,
);
export const DescriptionsAnswer = Type.Object({ topics: Type.Array(DescriptionAnswer) });
/** The rest of it depends on the kind: `queue`, `ring`, `log`. */
export const InsideAnswer = Type.Object({ kind: Type.String(), topic: Type.String() }, open);
const Explained = Type.Object(
  {
    topic: Type.String(),
    id: Type.String(),
    partition: Type.Integer(),
    offset: Type.Unsafe<number | null>({ type: ['integer', 'null'] }),
    timestamp: Type.Number(),
    groups: Type.Array(Type.Object({ group: Type.String(), state: Type.String() }, open)),
    events: Type.Array(Type.Object({ at: Type.Number(), what: Type.String() }, open)),
    isComplete: Type.Boolean(),
  },
  open,
);
/** That a topic does not have the message is a normal answer. */
export const ExplainAnswer = Type.Object({
  explanation: Type.Unsafe<object | null>({ ...Explained, type: ['object', 'null'] }),
});
export const BrokerAnswer = Type.Object({
  name: Type.String(),
  version: Type.String(),
  protocolVersion: Type.Integer(),
  capabilities: Type.Array(Type.String()),
  limits: Type.Unsafe<Readonly<Record<string, number>>>({ type: 'object', additionalProperties: { type: 'integer' } }),
});
const Subscription = Type.Object(
  {
    id: Type.String(),
    destination: Type.String(),
    topic: Type.String(),
    group: Type.String(),
    creditMax: Type.Unsafe<number | null>({ type: ['integer', 'null'] }),
    heldCount: Type.Integer(),
  },
  open,
);
const textOrNull = Type.Unsafe<string | null>({ type: ['string', 'null'] });
const Connection = Type.Object(
  {
    id: Type.String(),
    door: Type.String(),
    address: Type.String(),
    connectedAt: Type.Number(),
    clientId: textOrNull,
    protocolVersion: textOrNull,
    principal: textOrNull,
    messagesInCount: Type.Integer(),
    messagesOutCount: Type.Integer(),
    bytesIn: Type.Integer(),
    bytesOut: Type.Integer(),
    errorCount: Type.Integer(),
    subscriptionCount: Type.Integer(),
    subscriptions: Type.Array(Subscription),
  },
  open,
);
export const ConnectionsAnswer = Type.Object({ connections: Type.Array(Connection) });
export const HealthAnswer = Type.Object({ status: Type.String() });
export const ReadinessAnswer = Type.Object({
  status: Type.Enum(['ready', 'not-ready']),
  findings: Type.Array(Type.Object({ code: Type.String(), text: Type.String(), isBlocking: Type.Boolean() })),
});
export const OpenApiAnswer = Type.Object({ openapi: Type.String() }, open);
