/** Subject: a producer that stays silent about its half messages is asked what became of them. */
import { type HalfCheck, type HalfCheckOptions, unresolvedTopicOf } from '../../contract/half-message.ts';
import { DEFAULTS } from '../../contract/limits.ts';
import { atOnce, equal, holds, isSettled, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { end, groupOf, sendHalf } from './half-messages.ts';
import { bodies, drain, readLog, texts } from './steps.ts';

/** So short that a real clock may wait for it. */
const SHORT_MS = 200;
/** The longest interval between two questions that is waited for, and the steps in which it is looked for. */
const INTERVAL_MS_MAX = 3_600_000;
const STEP_MS = 1000;

export const halfChecks: readonly ConformanceTest[] = [
  {
    name: 'a producer that stays silent is asked, with all there is to know about its half message',
    capability: 'half-message',
    run: async (context) => {
      const topic = await context.newTopic();
      const producerGroup = groupOf(topic);
      const message = { body: 'half', id: 'order-1', key: 'k', headers: { a: 'b' } };
      const half = await context.broker.sendHalf(topic, message, { producerGroup, checkAfterMs: SHORT_MS });
      equal(await ask(context, topic), [], 'questions while it may be silent');
      await context.pass(SHORT_MS);
      const check = await askOnce(context, topic, { waitMs: 1000 });
      const { headers, body, timestamp, checksMax, ...facts } = check;
      const expected = { topic, id: 'order-1', key: 'k', halfId: half.halfId, producerGroup, checkCount: 1 };
      equal(facts as object, expected as object, 'the question, without its message');
      equal([texts([check])[0], { ...headers }], ['half', { a: 'b' }] as unknown, 'body and headers of its message');
      holds(checksMax >= 1 && timestamp > 0 && body.length === 4, 'a number of questions and a time', check);
      await end(context, topic, half.halfId, 'commit');
      equal(texts(await drain(context, topic)), ['half'], 'what is received when the answer was commit');
    },
  },
  {
    name: 'who waits for questions is asked as soon as one is due',
    capability: 'half-message',
    run: async (context) => {
      const topic = await context.newTopic();
      const asked = context.broker.receiveHalfChecks(groupOf(topic), { waitMs: 1000 });
      asked.catch(() => undefined);
      await sendHalf(context, topic, 'half', { checkAfterMs: SHORT_MS });
      equal(await isSettled(asked), false, 'a call for questions has an answer before one is due');
      await context.pass(SHORT_MS);
      equal(texts(await atOnce(asked, 'the call for questions')), ['half'], 'about what it is asked');
    },
  },
  {
    name: 'a producer is asked exactly when its time is over, again after each interval, and so often as it was told',
    capability: 'half-message',
    needs: ['virtual-clock'],
    run: askOnSchedule,
  },
  {
    name: 'who says nothing about it is asked after 6 seconds',
    capability: 'half-message',
    needs: ['virtual-clock'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendHalf(context, topic, 'half');
      await context.pass(DEFAULTS.halfCheckAfterMs - 1);
      equal(await ask(context, topic), [], 'questions one millisecond before');
      await context.pass(1);
      equal(texts(await ask(context, topic)), ['half'], 'questions then');
    },
  },
  {
    name: 'a half message nobody could answer for is kept aside with what it was, and never delivered',
    capability: 'half-message',
    needs: ['virtual-clock'],
    run: async (context) => {
      const topic = await context.newTopic();
      const halfId = await sendHalf(context, topic, 'half', { checkAfterMs: SHORT_MS });
      const intervalMs = await askInVain(context, topic);
      await context.pass(intervalMs);
      const unresolved = await readLog(context.broker, unresolvedTopicOf(topic));
      equal(texts(unresolved), ['half'], 'what is kept aside');
      equal((await context.describe(topic)).halfCount, 0, 'halfCount of the topic');
      const late = await refused(end(context, topic, halfId, 'commit'), 'MQ_TRANSACTION_ENDED', 'a late commit');
      equal(late.details.outcome, 'aborted', 'details.outcome of it');
      for (let time = 0; time < 3; time += 1) {
        await context.pass(intervalMs);
        equal(await ask(context, topic), [], 'questions after the last one');
      }
      equal(await drain(context, topic), [], 'what the topic has');
      equal((await readLog(context.broker, unresolvedTopicOf(topic))).length, 1, 'how many are kept aside');
    },
  },
  {
    name: 'a decision before, between and after questions ends them',
    capability: 'half-message',
    run: async (context) => {
      const topic = await context.newTopic();
      const [early, late, undecided] = [
        await sendHalf(context, topic, 'early', { checkAfterMs: SHORT_MS }),
        await sendHalf(context, topic, 'late', { checkAfterMs: SHORT_MS }),
        await sendHalf(context, topic, 'undecided', { checkAfterMs: SHORT_MS }),
      ];
      await end(context, topic, early, 'commit');
      await context.pass(SHORT_MS);
      const checks = await context.broker.receiveHalfChecks(groupOf(topic), { max: 10, waitMs: 1000 });
      holds(
        checks.every(({ halfId }) => halfId !== early),
        'no question about what was decided',
        checks,
      );
      await end(context, topic, undecided, 'unknown');
      await end(context, topic, late, 'abort');
      equal((await context.describe(topic)).halfCount, 1, 'halfCount of the topic');
      await end(context, topic, undecided, 'commit');
      equal(texts(await drain(context, topic)), ['early', 'undecided'], 'what is received');
    },
  },
  {
    name: 'any member of the producer group may be asked, each question goes to one, and any may answer',
    capability: 'half-message',
    run: async (context) => {
      const topic = await context.newTopic();
      const members = ['a', 'b', 'c'].map((client) => context.as(client));
      for (const body of bodies(3)) await sendHalf(context, topic, body, { checkAfterMs: SHORT_MS });
      const calls = members.map((member) => member.receiveHalfChecks(groupOf(topic), { waitMs: 1000, max: 1 }));
      for (const call of calls) call.catch(() => undefined);
      await context.pass(SHORT_MS);
      const checks = (await Promise.all(calls)).flat();
      equal(texts(checks).sort(), bodies(3), 'about what the members are asked');
      const [answering] = members;
      for (const { halfId } of checks) await answering?.endHalf(topic, { halfId, outcome: 'commit' });
      equal(texts(await drain(context, topic)).sort(), bodies(3), 'what is received when one has answered for all');
    },
  },
  {
    name: 'a producer group is asked about its own half messages only',
    capability: 'half-message',
    run: async (context) => {
      const topic = await context.newTopic();
      const other = `other ${groupOf(topic)}`;
      await sendHalf(context, topic, 'half', { checkAfterMs: SHORT_MS });
      await sendHalf(context, topic, 'of another', { checkAfterMs: SHORT_MS, producerGroup: other });
      await context.pass(SHORT_MS);
      const asked = await context.broker.receiveHalfChecks(other, { max: 10, waitMs: 1000 });
      equal(texts(asked), ['of another'], 'about what the other group is asked');
      equal(texts(await ask(context, topic)), ['half'], 'about what the group is asked');
    },
  },
  {
    name: 'while no member of the group is there nobody is asked and nothing is given up, however long that is',
    capability: 'half-message',
    needs: ['virtual-clock'],
    run: async (context) => {
      const topic = await context.newTopic();
      const halfId = await sendHalf(context, topic, 'half', { checkAfterMs: SHORT_MS });
      await context.pass(24 * INTERVAL_MS_MAX);
      equal((await context.describe(topic)).halfCount, 1, 'halfCount after a day');
      equal((await askOnce(context, topic)).checkCount, 1, 'checkCount of the first question, after that');
      await end(context, topic, halfId, 'commit');
      equal(texts(await drain(context, topic)), ['half'], 'what is received');
    },
  },
  {
    name: 'a restart goes on counting questions where it was, and asks no more often',
    capability: 'half-message',
    uses: ['durable'],
    needs: ['restart', 'virtual-clock'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendHalf(context, topic, 'half', { checkAfterMs: SHORT_MS });
      await context.restart();
      await context.pass(SHORT_MS - 1);
      equal(await ask(context, topic), [], 'questions before the time, after a restart');
      await context.pass(1);
      const { checkCount, checksMax } = await askOnce(context, topic);
      equal(checkCount, 1, 'checkCount of the first question');
      const counts: number[] = [];
      while (counts.length < checksMax - 1) {
        await context.restart({ isClosedFirst: counts.length % 2 === 0 });
        const { check } = await askAgain(context, topic);
        counts.push(check.checkCount);
      }
      const expected = Array.from({ length: checksMax - 1 }, (_, index) => index + 2);
      equal(counts, expected, 'checkCounts with a restart before each question');
      await context.restart();
      await context.pass(INTERVAL_MS_MAX);
      equal(await ask(context, topic), [], 'questions after the last one');
      equal(texts(await readLog(context.broker, unresolvedTopicOf(topic))), ['half'], 'what is kept aside');
    },
  },
  {
    name: 'a call for questions takes only what it knows, and numbers within the limits',
    capability: 'half-message',
    run: async ({ broker }) => {
      const { receiveCountMax, waitMsMax } = broker.limits;
      for (const options of [
        { max: 0 },
        { max: receiveCountMax + 1 },
        { waitMs: -1 },
        { waitMs: waitMsMax + 1 },
        { mx: 1 },
      ]) {
        const call = broker.receiveHalfChecks('group', options as HalfCheckOptions);
        await refused(call, 'MQ_INVALID_ARGUMENT', `receiveHalfChecks with ${JSON.stringify(options)}`);
      }
      await refused(broker.receiveHalfChecks(''), 'MQ_INVALID_ARGUMENT', 'receiveHalfChecks of a group without a name');
      equal(await broker.receiveHalfChecks('a group without half messages'), [], 'questions to it');
    },
  },
];

async function askOnSchedule(context: TestContext): Promise<void> {
  const topic = await context.newTopic();
  await sendHalf(context, topic, 'half', { checkAfterMs: 7000 });
  await context.pass(6999);
  equal(await ask(context, topic), [], 'questions one millisecond before the first is due');
  await context.pass(1);
  const { checkCount, checksMax } = await askOnce(context, topic);
  equal(checkCount, 1, 'checkCount of the first question');
  const { intervalMs, check } = await askAgain(context, topic);
  equal(check.checkCount, 2, 'checkCount of the second question');
  for (let count = 3; count <= checksMax; count += 1) {
    await context.pass(intervalMs - 1);
    equal(await ask(context, topic), [], `questions one millisecond before the ${count}.`);
    await context.pass(1);
    equal((await askOnce(context, topic)).checkCount, count, `checkCount of the ${count}. question`);
  }
  for (const pause of [intervalMs - 1, 1, intervalMs, 10 * intervalMs]) {
    await context.pass(pause);
    equal(await ask(context, topic), [], 'questions after the last one');
  }
}

/** Gives no answer to any question but the last one's; resolves to the interval between two. */
async function askInVain(context: TestContext, topic: string): Promise<number> {
  await context.pass(SHORT_MS);
  const { checksMax } = await askOnce(context, topic);
  const { intervalMs } = await askAgain(context, topic);
  for (let count = 3; count <= checksMax; count += 1) {
    await context.pass(intervalMs);
    await askOnce(context, topic);
  }
  return intervalMs;
}

/** Waits for the next question; the specification says that the interval is always the same, not how long it is. */
async function askAgain(
  context: TestContext,
  topic: string,
): Promise<{ readonly check: HalfCheck; readonly intervalMs: number }> {
  for (let intervalMs = STEP_MS; intervalMs <= INTERVAL_MS_MAX; intervalMs += STEP_MS) {
    await context.pass(STEP_MS);
    const [check] = await ask(context, topic);
    if (check !== undefined) return { check, intervalMs };
  }
  holds(false, `a second question within ${INTERVAL_MS_MAX} ms`, 'none');
}

/** The questions to the group of this topic's producer. */
function ask({ broker }: TestContext, topic: string, options: HalfCheckOptions = {}): Promise<readonly HalfCheck[]> {
  return broker.receiveHalfChecks(groupOf(topic), { max: 10, ...options });
}

async function askOnce(context: TestContext, topic: string, options: HalfCheckOptions = {}): Promise<HalfCheck> {
  const checks = await ask(context, topic, options);
  equal(checks.length, 1, 'how many questions there are');
  return present(checks[0], 'the question');
}
