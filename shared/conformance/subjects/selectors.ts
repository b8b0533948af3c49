/** Subject: selectors: conditions of SQL-92 over headers and fields, with three truth values. */
import { type Filter, TYPES_HEADER } from '../../contract/filter.ts';
import type { Headers, Message } from '../../contract/message.ts';
import { equal, holds, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { drain, texts } from './steps.ts';

/** A selector, and the names of the messages below that it takes. */
type Expectation = readonly [selector: string, matching: readonly string[]];

const ALL = ['tea', 'pot', 'bare'];
const TYPED = { [TYPES_HEADER]: 'price=double&count=int&isFresh=boolean' };

/** Of the last one nothing is known. */
const GOODS: Readonly<Record<string, Headers>> = {
  tea: { ...TYPED, price: '4.5', count: '10', isFresh: 'true', name: 'green tea', note: "it's 50% off", size: '7' },
  pot: { ...TYPED, price: '20', count: '1', isFresh: 'false', name: 'pot', note: '', size: 'L' },
  bare: {},
};

const LOGIC: readonly Expectation[] = [
  ['TRUE', ALL],
  ['FALSE', []],
  ["name = 'pot'", ['pot']],
  ["name <> 'pot'", ['tea']],
  ["NOT name = 'pot'", ['tea']],
  ["name = 'pot' OR name <> 'pot'", ['tea', 'pot']],
  ["name = 'pot' OR TRUE", ALL],
  ["name = 'nobody' AND FALSE OR TRUE", ALL],
  ["NOT (name = 'pot' AND FALSE)", ALL],
  ["NOT (name = 'pot' OR FALSE)", ['tea']],
  ['name IS NULL', ['bare']],
  ['name IS NOT NULL', ['tea', 'pot']],
  ["note = ''", ['pot']],
  ["name = 'pot' or name = 'green tea' and count > 100", ['pot']],
  ["(name = 'pot' or name = 'green tea') and count > 100", []],
  ['isFresh', ['tea']],
  ['NOT isFresh', ['pot']],
  ['isFresh = FALSE', ['pot']],
  ['nobody = nobody', []],
  ['nobody <> nobody', []],
];

const COMPARISONS: readonly Expectation[] = [
  ['price > 4', ['tea', 'pot']],
  ['price >= 4.5 AND price < 20', ['tea']],
  ['count = 1.0', ['pot']],
  ['count * 2 + 1 = 21', ['tea']],
  ['-count = -1', ['pot']],
  ['count / 3 = 3', ['tea']],
  ['price / 0 > 1 OR count = 1', ['pot']],
  ['price BETWEEN 4.5 AND 5', ['tea']],
  ['price NOT BETWEEN 4.5 AND 5', ['pot']],
  ["name IN ('pot', 'cup')", ['pot']],
  ["name NOT IN ('pot', 'cup')", ['tea']],
  ["name LIKE '%tea'", ['tea']],
  ["name LIKE 'p_t'", ['pot']],
  ["name NOT LIKE 'p_t'", ['tea']],
  ["name LIKE 'green%' OR name LIKE '_ot'", ['tea', 'pot']],
  ["note LIKE '%50!% off' ESCAPE '!'", ['tea']],
  ["note LIKE 'it''s%'", ['tea']],
  ["size = '7'", ['tea']],
  ['size = 7', []],
  ["price = '20'", []],
  ['size > 5', []],
  ['count > 9', ['tea']],
];

/** A selector that is none, and where the first character is that is wrong, at the earliest and at the latest. */
const WRONG: readonly (readonly [selector: string, earliest: number, latest: number])[] = [
  ['price >', 6, 7],
  ['price > > 4', 6, 8],
  ["name = 'pot", 7, 11],
  ['(price > 4', 0, 10],
  ['price > 4)', 9, 9],
  ['price BETWEEN 4', 6, 15],
  ['name LIKE 4', 0, 10],
  ['name IN ()', 0, 9],
  ['name IN (4)', 0, 9],
  ['price + 4', 0, 9],
  ['4', 0, 1],
  ['price = 4 price = 5', 10, 15],
  ['price ~ 4', 6, 6],
  ['NOT', 0, 3],
  ['AND price = 4', 0, 3],
];

export const selectors: readonly ConformanceTest[] = [
  {
    name: 'a selector has three truth values: what is not there is neither equal nor unequal, and only true is taken',
    capability: 'filters',
    run: (context) => selectGoods(context, LOGIC),
  },
  {
    name: 'a selector compares and computes with numbers that are typed as such, and texts only with texts',
    capability: 'filters',
    run: (context) => selectGoods(context, COMPARISONS),
  },
  {
    name: 'a selector sees the fields that JMS names: priority, id, key, correlation id, type and times',
    capability: 'filters',
    uses: ['priority'],
    run: async (context) => {
      const topic = await context.newTopic();
      const sent: Message[] = [
        { body: 'one', id: 'id-1', key: 'k', priority: 7 },
        { body: 'two', id: 'id-2', headers: { 'correlation-id': 'c', type: 'order' } },
      ];
      for (const message of sent) await context.broker.send(topic, message);
      const expectations: readonly Expectation[] = [
        ['JMSPriority > 5', ['one']],
        ['JMSPriority = 0', ['two']],
        ["JMSMessageID = 'id-2'", ['two']],
        ["JMSXGroupID = 'k'", ['one']],
        ['JMSXGroupID IS NULL', ['two']],
        ["JMSCorrelationID = 'c'", ['two']],
        ["JMSType LIKE 'ord%'", ['two']],
        ['JMSTimestamp > 0', ['one', 'two']],
        ["JMSDeliveryMode = 'PERSISTENT'", ['one', 'two']],
      ];
      await selectEach(context, topic, expectations);
    },
  },
  {
    name: 'a selector sees how often a message was delivered',
    capability: 'filters',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      const again: Filter = { selector: 'JMSXDeliveryCount > 1' };
      equal(texts(await context.broker.receive(topic, { filter: again })), [], 'what was delivered before, at first');
      const [delivery] = await context.broker.receive(topic, { filter: { selector: 'JMSXDeliveryCount = 1' } });
      await context.broker.nack(present(delivery, 'the first delivery'));
      equal(texts(await context.broker.receive(topic, { filter: again })), ['a'], 'what was delivered before, then');
    },
  },
  {
    name: 'a selector that is none is refused wherever it is given, with the place where it is wrong',
    capability: 'filters',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a' });
      for (const [selector, earliest, latest] of WRONG) {
        const filter: Filter = { selector };
        const calls: Promise<unknown>[] = [
          context.broker.createGroup(topic, 'g', { filter }),
          context.broker.receive(topic, { filter }),
        ];
        if (context.has('push')) {
          calls.push(context.broker.subscribe(topic, { creditMax: 1, filter }, () => undefined));
        }
        for (const call of calls) call.catch(() => undefined);
        for (const call of calls) {
          const { details, message } = await refused(call, 'MQ_INVALID_SELECTOR', `the selector ${selector}`);
          const { position = -1 } = details;
          holds(
            position >= earliest && position <= latest,
            `a position from ${earliest} to ${latest} in ${selector}`,
            position,
          );
          holds(message.length < 600, 'a message of fewer than 600 characters', message.length);
        }
      }
      const groups = (await context.describe(topic)).groups.map(({ group }) => group);
      equal(groups.includes('g'), false, 'whether a group was made');
      equal(texts(await drain(context, topic)), ['a'], 'what is received without a filter');
    },
  },
  {
    name: 'a selector that is too long, too deep or of control characters is refused',
    capability: 'filters',
    run: async (context) => {
      const topic = await context.newTopic();
      const { selectorBytesMax } = context.broker.limits;
      const deep = `${'('.repeat(1500)}TRUE${')'.repeat(1500)}`;
      const long = `name = '${'x'.repeat(selectorBytesMax)}'`;
      for (const selector of [long, deep, `${'NOT '.repeat(1000)}TRUE`, 'name = \u0000', '', ' ']) {
        const codes = ['MQ_INVALID_SELECTOR', 'MQ_INVALID_ARGUMENT'] as const;
        const call = context.broker.receive(topic, { filter: { selector } });
        await refused(call, codes, `a selector of ${selector.length} characters`);
      }
      const fits = `name = '${'x'.repeat(selectorBytesMax - 9)}'`;
      equal(await context.broker.receive(topic, { filter: { selector: fits } }), [], 'with one that just fits');
    },
  },
];

async function selectGoods(context: TestContext, expectations: readonly Expectation[]): Promise<void> {
  const topic = await context.newTopic();
  for (const [body, headers] of Object.entries(GOODS)) await context.broker.send(topic, { body, headers });
  await selectEach(context, topic, expectations);
}

/** A group for each selector sees all messages of the topic. */
async function selectEach(context: TestContext, topic: string, expectations: readonly Expectation[]): Promise<void> {
  for (const [index, [selector, matching]] of expectations.entries()) {
    const group = `g-${index}`;
    await context.broker.createGroup(topic, group, { filter: { selector } });
    const deliveries = await context.broker.receive(topic, { group, max: 10 });
    equal(texts(deliveries), [...matching], `what the selector ${selector} takes`);
  }
}
