/** Subject: what a broker cannot do it says, naming the capability and the stage that has it; it never half-does it. */
import type { Broker } from '../../contract/broker.ts';
import { CAPABILITIES, type Capability, isCapability } from '../../contract/capabilities.ts';
import type { GroupOptions } from '../../contract/description.ts';
import type { DeliveryRef, Message } from '../../contract/message.ts';
import { awaitedLater, equal, holds, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';

type Ask = (broker: Broker, topic: string) => Promise<unknown>;

const LEASE: DeliveryRef = {
  topic: 'topic',
  partition: 0,
  offset: 0,
  group: 'default',
  memberId: 'member',
  leaseToken: 'token',
};

/** Every operation that needs a capability, asked with arguments that are otherwise right. */
const OPERATIONS: readonly (readonly [Capability, string, Ask])[] = [
  ['batch', 'sendBatch', (broker, topic) => broker.sendBatch(topic, [{ body: 'a' }])],
  ['groups', 'createGroup', (broker, topic) => broker.createGroup(topic, 'g')],
  ['groups', 'deleteGroup', (broker, topic) => broker.deleteGroup(topic, 'g')],
  ['lease', 'ack', (broker, topic) => broker.ack([{ ...LEASE, topic }])],
  ['lease', 'nack', (broker, topic) => broker.nack({ ...LEASE, topic })],
  ['lease', 'extendLease', (broker, topic) => broker.extendLease({ ...LEASE, topic })],
  ['lease', 'leave', (broker, topic) => broker.leave(topic, { memberId: 'member' })],
  ['browse', 'browse', (broker, topic) => broker.browse(topic)],
  ['offsets', 'fetch', (broker, topic) => broker.fetch(topic)],
  ['offsets', 'commit', (broker, topic) => broker.commit(topic, { group: 'g', offset: 0 })],
  ['offsets', 'committed', (broker, topic) => broker.committed(topic, { group: 'g' })],
  ['offsets', 'seek', (broker, topic) => broker.seek(topic, { group: 'g', to: 'earliest' })],
  ['transactions', 'begin', (broker) => broker.begin()],
  ['transactions', 'findTransaction', (broker) => broker.findTransaction('t-1')],
  ['idempotence', 'openProducer', (broker) => broker.openProducer()],
  ['half-message', 'sendHalf', (broker, topic) => broker.sendHalf(topic, { body: 'a' }, { producerGroup: 'p' })],
  ['half-message', 'endHalf', (broker, topic) => broker.endHalf(topic, { halfId: 'h-1', outcome: 'commit' })],
  ['half-message', 'receiveHalfChecks', (broker) => broker.receiveHalfChecks('p')],
  ['filters', 'lookup', (broker, topic) => broker.lookup(topic, { key: 'k' })],
  ['filters', 'createTemporaryTopic', (broker) => broker.createTemporaryTopic()],
  ['group-modes', 'pause', (broker, topic) => broker.pause(topic)],
  ['group-modes', 'resume', (broker, topic) => broker.resume(topic)],
  ['dead-letter', 'redrive', (broker, topic) => broker.redrive(topic)],
  ['dead-letter', 'dropDeadLetters', (broker, topic) => broker.dropDeadLetters(topic)],
  ['push', 'subscribe', (broker, topic) => broker.subscribe(topic, { creditMax: 1 }, () => undefined)],
];

/** Members of a message that need a capability. */
const MESSAGE_OPTIONS: readonly (readonly [Capability, Omit<Message, 'body'>])[] = [
  ['delay', { delayMs: 1000 }],
  ['delay', { deliverAt: Date.UTC(2100, 0, 1) }],
  ['ttl', { ttlMs: 1000 }],
  ['priority', { priority: 5 }],
];

/** Options of operations that need a capability besides that of the operation. */
const OPTIONS: readonly (readonly [Capability, Capability, string, Ask])[] = [
  ['send', 'partitions', 'send to partition 1', (broker, topic) => broker.send(topic, { body: 'a' }, { partition: 1 })],
  [
    'send',
    'partitions',
    'createTopic of 2 partitions',
    (broker, topic) => broker.createTopic(`${topic}-2`, { partitionCount: 2 }),
  ],
  ['receive', 'groups', 'receive of a group', (broker, topic) => broker.receive(topic, { group: 'g' })],
  ['receive', 'lease', 'receive with leaseMs', (broker, topic) => broker.receive(topic, { leaseMs: 1000 })],
  [
    'send',
    'idempotence',
    'send with a producer',
    (broker, topic) => broker.send(topic, { body: 'a' }, { producer: { producerId: 1, epoch: 0, sequence: 0 } }),
  ],
  [
    'batch',
    'idempotence',
    'sendBatch with a producer',
    (broker, topic) => broker.sendBatch(topic, [{ body: 'a' }], { producer: { producerId: 1, epoch: 0, sequence: 0 } }),
  ],
  [
    'send',
    'dedup',
    'createTopic with dedupWindowMs',
    (broker, topic) => broker.createTopic(`${topic}-d`, { dedupWindowMs: 1000 }),
  ],
  [
    'receive',
    'filters',
    'receive with a filter',
    (broker, topic) => broker.receive(topic, { filter: { tags: ['a'] } }),
  ],
  [
    'groups',
    'filters',
    'createGroup with a filter',
    (broker, topic) => broker.createGroup(topic, 'f', { filter: { tags: ['a'] } }),
  ],
  [
    'push',
    'filters',
    'subscribe with a filter',
    (broker, topic) => broker.subscribe(topic, { creditMax: 1, filter: { tags: ['a'] } }, () => undefined),
  ],
  [
    'push',
    'filters',
    'subscribe by a pattern',
    (broker) => broker.subscribe('a.*', { creditMax: 1, pattern: 'dotted' }, () => undefined),
  ],
  [
    'offsets',
    'transactions',
    'fetch read-committed',
    (broker, topic) => broker.fetch(topic, { isolation: 'read-committed' }),
  ],
  [
    'groups',
    'group-modes',
    'createGroup exclusive',
    (broker, topic) => broker.createGroup(topic, 'x', { mode: 'exclusive' } as GroupOptions),
  ],
];

export const refusals: readonly ConformanceTest[] = [
  {
    name: 'an operation whose capability is missing is refused, naming the capability and the stage that has it',
    capability: 'send',
    run: async (context) => {
      const topic = await context.newTopic();
      for (const [capability, name, ask] of OPERATIONS) {
        if (!context.has(capability)) await refusedFor(context, capability, { name, call: ask(context.broker, topic) });
      }
    },
  },
  {
    name: 'a message option whose capability is missing is refused, and the message is not taken',
    capability: 'send',
    run: async (context) => {
      const topic = await context.newTopic();
      for (const [capability, option] of MESSAGE_OPTIONS) {
        if (context.has(capability)) continue;
        const name = `a message with ${Object.keys(option)[0]}`;
        await refusedFor(context, capability, { name, call: context.broker.send(topic, { body: 'a', ...option }) });
        if (!context.has('batch')) continue;
        const batch = context.broker.sendBatch(topic, [{ body: 'a' }, { body: 'b', ...option }]);
        await refusedFor(context, capability, { name: `${name} in a batch`, call: batch });
      }
      equal((await context.describe(topic)).logEndOffset, 0, 'messages accepted');
    },
  },
  {
    name: 'an option whose capability is missing is refused, naming the capability and the stage that has it',
    capability: 'send',
    run: async (context) => {
      const topic = await context.newTopic();
      for (const [needed, capability, name, ask] of OPTIONS) {
        if (context.has(capability) || !context.has(needed)) continue;
        await refusedFor(context, capability, { name, call: ask(context.broker, topic) });
      }
    },
  },
  {
    name: 'nack options whose capability is missing are refused, and the delivery stays with its member',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      const [delivery] = await context.broker.receive(topic);
      holds(delivery !== undefined, 'a delivery', delivery);
      if (!context.has('dead-letter')) {
        const call = context.broker.nack(delivery, { outcome: 'reject' });
        await refusedFor(context, 'dead-letter', { name: 'nack with reject', call });
      }
      if (!context.has('delay')) {
        const call = context.broker.nack(delivery, { delayMs: 100 });
        await refusedFor(context, 'delay', { name: 'nack with delayMs', call });
      }
      await context.broker.ack([delivery]);
    },
  },
  {
    name: 'seeking to a time without an index by time is refused',
    capability: 'offsets',
    run: async (context) => {
      if (context.has('time-index')) return;
      const topic = await context.newTopic();
      await context.broker.commit(topic, { group: 'g', offset: 0 });
      const call = context.broker.seek(topic, { group: 'g', to: { timestamp: 0 } });
      await refusedFor(context, 'time-index', { name: 'seek to a timestamp', call });
    },
  },
  {
    name: 'what a broker cannot do it refuses alike open and closed',
    capability: 'send',
    run: async (context) => {
      const broker = await context.openBroker();
      await broker.close();
      const call = { name: 'begin', call: broker.begin() };
      if (!context.has('transactions')) await refusedFor(context, 'transactions', call);
      else await refused(call.call, 'MQ_CLOSED', 'begin after close');
    },
  },
  {
    name: 'an error message is short and stays on its line, whatever the caller wrote',
    capability: 'send',
    run: async (context) => {
      const topic = await context.newTopic();
      const wild = `\u001b[2J\u009b\u2028\u202e\n${'y'.repeat(5000)}`;
      const calls = [
        context.broker.send(topic, { body: 'a', [wild]: 1 }),
        context.broker.send(topic, { body: 'a', headers: { [wild]: 7 as unknown as string } }),
        context.broker.createTopic(topic, { overflow: wild as 'wait' }),
        context.broker.deleteTopic('no\u202esuch topic'),
      ].map(awaitedLater<unknown>);
      for (const call of calls) {
        const { message } = await refused(call, ['MQ_INVALID_ARGUMENT', 'MQ_UNKNOWN_TOPIC'], 'a call with wild text');
        holds(message.length < 500, 'a message of fewer than 500 characters', message.length);
        const escaped = message.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => `\\u${character.codePointAt(0)}`);
        equal(message, escaped, 'the message, and what it would be without control characters');
      }
    },
  },
  {
    name: 'a broker lists only capabilities of the contract, sending among them',
    capability: 'send',
    run: async ({ broker }) => {
      const unknown = [...broker.capabilities].filter((name) => !isCapability(name));
      equal(unknown, [], 'capabilities the contract does not know');
      holds(broker.name.length > 0, 'a name', broker.name);
    },
  },
  {
    name: 'a broker of a stage has every capability of its stage that its door can carry',
    capability: 'send',
    run: async (context) => {
      const { stage, doorLacks = [] } = context.target;
      if (stage === undefined) return;
      const missing = (Object.keys(CAPABILITIES) as Capability[])
        .filter((name) => CAPABILITIES[name] <= stage && !doorLacks.includes(name))
        .filter((name) => !context.has(name));
      equal(missing, [], `capabilities of stage ${stage} that are missing`);
    },
  },
];

async function refusedFor(
  context: TestContext,
  capability: Capability,
  { name, call }: { readonly name: string; readonly call: Promise<unknown> },
): Promise<void> {
  const { details } = await refused(call, 'MQ_NOT_SUPPORTED', `${name} on ${context.broker.name}`);
  equal(details.capability, capability, `details.capability of ${name}`);
  equal(details.stage, CAPABILITIES[capability], `details.stage of ${name}`);
}
