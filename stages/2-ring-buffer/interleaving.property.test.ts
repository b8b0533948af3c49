/** Producers, consumers that crash, and cancellations in random interleavings (fast-check scheduler). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VirtualClock } from '../../shared/clock.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import type { Delivery } from '../../shared/contract/message.ts';
import { createBroker } from './index.ts';

const decoder = new TextDecoder();
const MESSAGES_EACH = 4;
const LEASE_MS = 600;

/** What happened, in the order in which it was answered. */
interface History {
  readonly accepted: string[];
  readonly delivered: Delivery[];
  readonly acked: string[];
}

/** Every step waits for the scheduler, so fast-check decides who goes next. */
type Step = (label: string) => Promise<unknown>;

interface Run {
  readonly broker: Broker;
  readonly step: Step;
  readonly history: History;
  readonly signal: AbortSignal;
}

const bodyOf = ({ body }: Delivery): string => decoder.decode(body);

async function produce(name: string, { broker, step, history, signal }: Run): Promise<void> {
  for (let number = 0; number < MESSAGES_EACH; number += 1) {
    await step(`${name} sends ${number}`);
    const body = `${name}${number}`;
    // The odd ones may be cancelled; a send that rejects must leave nothing behind.
    await broker.send('t', { body }, number % 2 === 1 ? { signal } : {}).then(
      () => history.accepted.push(body),
      (error) => assert.ok(isMqError(error, 'MQ_ABORTED')),
    );
  }
}

async function consume(memberId: string, { broker, step, history, signal }: Run): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    await step(`${memberId} receives`);
    const options = memberId === 'ann' ? { signal } : {};
    const held = await broker
      .receive('t', { group: 'g', memberId, max: 2, waitMs: 1000, leaseMs: LEASE_MS, ...options })
      .catch((error) => {
        assert.ok(isMqError(error, 'MQ_ABORTED'));
        return [];
      });
    history.delivered.push(...held);
    if (memberId === 'cleo') continue; // crashes each time: never acks
    await step(`${memberId} acks`);
    await broker.ack(held).then(
      () => history.acked.push(...held.map(bodyOf)),
      (error) => assert.ok(isMqError(error, 'MQ_LEASE_EXPIRED')),
    );
  }
}

async function cancel(stepCount: number, { step }: Run, abort: AbortController): Promise<void> {
  for (let count = 0; count < stepCount; count += 1) await step('the canceller waits');
  abort.abort();
}

/** Takes and acks whatever there is now. */
async function takeAll({ broker, history }: Run): Promise<void> {
  const held = await broker.receive('t', { group: 'g', memberId: 'last', max: 100 });
  await broker.ack(held);
  history.delivered.push(...held);
  history.acked.push(...held.map(bodyOf));
}

/** Time and a last reader go on for as long as anybody else is at work. */
async function accompany(work: Promise<unknown>, run: Run, clock: VirtualClock): Promise<void> {
  let isDone = false;
  const end = work.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    await run.step('time passes');
    await clock.pass(LEASE_MS / 2);
    await takeAll(run);
  }
  await end;
}

test('whatever the interleaving: every accepted message is acked once, none that was refused is ever seen', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.integer({ min: 1, max: 4 }), fc.nat(25), async (s, messagesMax, abortAt) => {
      const clock = new VirtualClock();
      const broker = await createBroker({ clock });
      await broker.createTopic('t', { messagesMax });
      await broker.createGroup('t', 'g');
      const abort = new AbortController();
      const history: History = { accepted: [], delivered: [], acked: [] };
      const step: Step = (label) => s.schedule(Promise.resolve(), label);
      const run: Run = { broker, step, history, signal: abort.signal };
      const producers = [produce('x', run), produce('y', run), cancel(abortAt, run, abort)];
      const consumers = ['ann', 'bob', 'cleo'].map((memberId) => consume(memberId, run));
      await s.waitFor(accompany(Promise.all([...producers, ...consumers]), run, clock));
      await clock.pass(LEASE_MS);
      await takeAll(run);
      assert.deepEqual(history.acked.toSorted(), history.accepted.toSorted());
      assert.deepEqual([...new Set(history.delivered.map(bodyOf))].toSorted(), history.accepted.toSorted());
      await broker.close();
      assert.equal(clock.timerCount, 0);
    }),
    { numRuns: 150 },
  );
});

test('whatever the interleaving: two groups each see all, in the order of the log, first deliveries only once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (s) => {
      const broker = await createBroker({ clock: new VirtualClock() });
      await broker.createTopic('t', { messagesMax: 3 });
      for (const group of ['a', 'b']) await broker.createGroup('t', group);
      const seen: Record<string, (number | null)[]> = { a: [], b: [] };
      const step: Step = (label) => s.schedule(Promise.resolve(), label);
      const send = async (): Promise<void> => {
        for (let number = 0; number < 6; number += 1) {
          await step(`send ${number}`);
          await broker.send('t', { body: `${number}` });
        }
      };
      const read = async (group: 'a' | 'b'): Promise<void> => {
        while ((seen[group]?.length ?? 0) < 6) {
          await step(`${group} receives`);
          const held = await broker.receive('t', { group, max: 2, waitMs: 1000 });
          seen[group]?.push(...held.map(({ offset }) => offset));
          await step(`${group} acks`);
          await broker.ack(held);
        }
      };
      await s.waitFor(Promise.all([send(), read('a'), read('b')]));
      assert.deepEqual(seen, { a: [0, 1, 2, 3, 4, 5], b: [0, 1, 2, 3, 4, 5] });
      await broker.close();
    }),
    { numRuns: 150 },
  );
});
