/** Subject: which names are legal, that odd ones stay apart, and that wrong arguments are refused, never guessed. */
import { equal, holds, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { drain, receiveOne, textOf, texts } from './steps.ts';

/** Legal, and each a trap for a broker that puts names into paths, urls, objects or pages as they are. */
const ODD_NAMES = [
  'a/b',
  '../../etc/passwd',
  '..%2f..',
  '//',
  '%00',
  '%zz',
  'con',
  'a b',
  'a+b',
  'q?x=1&y=2#z',
  '__proto__',
  'constructor',
  'toString',
  '<script>alert(1)</script>',
  '消息',
  '🧵👩‍👩‍👧',
  'a\u202eb',
];

/** Illegal as topic, group and member. */
const WRONG_NAMES: readonly (readonly [unknown, string])[] = [
  ['', 'an empty name'],
  ['.', 'a single dot'],
  ['..', 'two dots'],
  ['$reserved', 'a leading $'],
  ['a\u0000b', 'a NUL'],
  ['a\nb', 'a line break'],
  ['a\u007fb', 'a control character'],
  ['a\ud800', 'a lone surrogate'],
  [7, 'a number'],
  [null, 'null'],
];

export const names: readonly ConformanceTest[] = [
  {
    name: 'a topic may have any well-formed name, and messages sent to it arrive under exactly this name',
    capability: 'receive',
    run: async (context) => {
      for (const name of ODD_NAMES) {
        const topic = await context.namedTopic(name);
        await context.broker.send(topic, { body: `for ${name}` });
        const delivery = await receiveOne(context.broker, topic);
        equal(textOf(delivery), `for ${name}`, 'the body');
        equal(delivery.topic, name, 'the name on the delivery');
        equal((await context.describe(name)).topic, name, 'the name in the description');
      }
      equal(({} as Record<string, unknown>).polluted, undefined, 'a member that appears on every object');
    },
  },
  {
    name: 'names that differ only in case, in slashes or in percent signs are different topics',
    capability: 'receive',
    run: async (context) => {
      const base = context.topicName();
      const all = [base, base.toUpperCase(), `${base}/`, `${base}%2F`, `${base}%`, `${base} `];
      for (const name of all) await context.broker.send(await context.namedTopic(name), { body: name });
      for (const name of all) equal(texts(await drain(context, name)), [name], `the messages of ${name}`);
    },
  },
  {
    name: 'two spellings of one name in Unicode are the same topic',
    capability: 'receive',
    run: async (context) => {
      const composed = await context.namedTopic(`${context.topicName()}-\u00e9`);
      await context.broker.send(composed.normalize('NFD'), { body: 'a' });
      equal(texts(await drain(context, composed)), ['a'], 'what was sent under the decomposed spelling');
    },
  },
  {
    name: 'a name may have up to nameBytesMax UTF-8 bytes and not one more',
    capability: 'send',
    run: async (context) => {
      const { nameBytesMax } = context.broker.limits;
      for (const character of ['n', 'ü', '队']) {
        const longest = longestName(context.topicName(), character, nameBytesMax);
        await context.broker.send(await context.namedTopic(longest), { body: 'a' });
        equal((await context.describe(longest)).logEndOffset, 1, 'messages of the topic with the longest name');
        const call = context.broker.createTopic(`${longest}n`);
        await refused(call, 'MQ_INVALID_ARGUMENT', `a name of ${nameBytesMax + 1} bytes`);
      }
      await refused(context.broker.createTopic('n'.repeat(10_000)), 'MQ_INVALID_ARGUMENT', 'a name of 10,000 bytes');
    },
  },
  {
    name: 'an illegal topic name is refused by every operation',
    capability: 'receive',
    run: async (context) => {
      const { broker } = context;
      for (const [name, what] of WRONG_NAMES) {
        const topic = name as string;
        await refused(broker.send(topic, { body: 'a' }), 'MQ_INVALID_ARGUMENT', `send to ${what}`);
        await refused(broker.createTopic(topic), 'MQ_INVALID_ARGUMENT', `createTopic of ${what}`);
        await refused(broker.receive(topic), 'MQ_INVALID_ARGUMENT', `receive from ${what}`);
        await refused(broker.deleteTopic(topic), 'MQ_INVALID_ARGUMENT', `deleteTopic of ${what}`);
      }
    },
  },
  {
    name: 'an illegal group or member name is refused',
    capability: 'groups',
    uses: ['lease'],
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      for (const [name, what] of WRONG_NAMES) {
        const wrong = name as string;
        await refused(broker.receive(topic, { group: wrong }), 'MQ_INVALID_ARGUMENT', `a group named ${what}`);
        await refused(broker.receive(topic, { memberId: wrong }), 'MQ_INVALID_ARGUMENT', `a member named ${what}`);
        await refused(broker.createGroup(topic, wrong), 'MQ_INVALID_ARGUMENT', `createGroup named ${what}`);
      }
      equal((await context.describe(topic)).groups, [], 'groups that were created');
    },
  },
  {
    name: 'a group and a member may have any well-formed name',
    capability: 'groups',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'for all' });
      for (const name of ODD_NAMES) {
        const delivery = await receiveOne(context.broker, topic, { group: name, memberId: name });
        equal([delivery.group, delivery.memberId], [name, name], 'group and member on the delivery');
        await context.broker.ack([delivery]);
      }
      const { groups } = await context.describe(topic);
      equal(groups.map(({ group }) => group).sort(), [...ODD_NAMES].sort(), 'the groups of the topic');
    },
  },
  {
    name: 'numbers outside their range are refused by send and receive',
    capability: 'receive',
    run: refuseWrongNumbers,
  },
  {
    name: 'a misspelt option is refused, never ignored',
    capability: 'receive',
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      const misspelt = { watiMs: 5 } as object;
      await refused(broker.receive(topic, misspelt), 'MQ_INVALID_ARGUMENT', 'receive');
      await refused(broker.send(topic, { body: 'a' }, misspelt), 'MQ_INVALID_ARGUMENT', 'send');
      if (context.has('batch')) {
        await refused(broker.sendBatch(topic, [{ body: 'a' }], misspelt), 'MQ_INVALID_ARGUMENT', 'sendBatch');
      }
      await refused(broker.createTopic(context.topicName(), misspelt), 'MQ_INVALID_ARGUMENT', 'createTopic');
      await refused(broker.describeTopics(misspelt), 'MQ_INVALID_ARGUMENT', 'describeTopics');
      equal((await context.describe(topic)).logEndOffset, 0, 'messages accepted');
    },
  },
  {
    name: 'a topic cannot be created with options that make no sense',
    capability: 'send',
    run: async (context) => {
      const wrong = [
        { messagesMax: 0 },
        { messagesMax: -1 },
        { messagesMax: 1.5 },
        { messagesMax: '10' },
        { overflow: 'x' },
      ];
      for (const options of wrong) {
        const call = context.broker.createTopic(context.topicName(), options as object);
        await refused(call, 'MQ_INVALID_ARGUMENT', `createTopic with ${JSON.stringify(options)}`);
      }
    },
  },
  {
    name: 'a broker cannot be made with options that make no sense, and the refusal names the option',
    capability: 'send',
    needs: ['broker-options'],
    run: async (context) => {
      const wrong: readonly (readonly [object, string])[] = [
        [{ misspelt: true }, 'misspelt'],
        [{ limits: { bodyBytesMx: 5 } }, 'bodyBytesMx'],
        [{ limits: { bodyBytesMax: 0 } }, 'bodyBytesMax'],
        [{ limits: { batchCountMax: 1.5 } }, 'batchCountMax'],
        [{ topicDefaults: { messagesMax: -1 } }, 'messagesMax'],
        [{ topicDefaults: { overflow: 'sometimes' } }, 'overflow'],
      ];
      for (const [options, name] of wrong) {
        const error = await refused(context.openBroker(options), 'MQ_INVALID_ARGUMENT', JSON.stringify(options));
        holds(error.message.includes(name), `a message that names ${name}`, error.message);
      }
    },
  },
  {
    name: 'every limit is a positive whole number',
    capability: 'send',
    run: async ({ broker }) => {
      for (const [name, limit] of Object.entries(broker.limits)) {
        holds(Number.isSafeInteger(limit) && limit > 0, `limits.${name} to be a whole number from 1`, limit);
      }
    },
  },
];

/** `base` filled up with `character` to exactly `bytesMax` UTF-8 bytes. */
function longestName(base: string, character: string, bytesMax: number): string {
  const bytes = (text: string): number => new TextEncoder().encode(text).length;
  const filled = base + character.repeat(Math.floor((bytesMax - bytes(base)) / bytes(character)));
  return filled + 'n'.repeat(bytesMax - bytes(filled));
}

async function refuseWrongNumbers(context: TestContext): Promise<void> {
  const { broker } = context;
  const { receiveCountMax, receiveBytesMax, waitMsMax } = broker.limits;
  const topic = await context.newTopic();
  const wrong: readonly Record<string, unknown>[] = [
    ...[0, -1, 1.5, Number.NaN, '1', null, receiveCountMax + 1].map((max) => ({ max })),
    ...[-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, waitMsMax + 1].map((waitMs) => ({ waitMs })),
    ...[0, -1, receiveBytesMax + 1].map((bytesMax) => ({ bytesMax })),
  ];
  for (const options of wrong) {
    await refused(broker.receive(topic, options), 'MQ_INVALID_ARGUMENT', 'a receive with a wrong number');
  }
  for (const timeoutMs of [-1, 1.5, Number.NaN, '5']) {
    const call = broker.send(topic, { body: 'a' }, { timeoutMs: timeoutMs as number });
    await refused(call, 'MQ_INVALID_ARGUMENT', 'a send with a wrong timeoutMs');
  }
  equal(await broker.receive(topic, { max: receiveCountMax, bytesMax: receiveBytesMax }), [], 'the limits themselves');
}
