/**
 * The broker against a model of plain arrays, under random scripts of calls (fast-check model commands): one small
 * ring, two groups, three members, time that passes, and every way a delivery can end. A failure prints its seed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VirtualClock } from '../../shared/clock.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import type { Overflow } from '../../shared/contract/description.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import type { Delivery } from '../../shared/contract/message.ts';
import { createBroker } from './index.ts';
import {
  type Call,
  Model,
  type Place,
  STEP_MS,
  WAIT_MS,
  type WaitingReceive,
  type WaitingSend,
} from './testing/reference-model.ts';

interface Real {
  readonly broker: Broker;
  readonly clock: VirtualClock;
  /** Of each group, in the order of its entries in `Model.handed`; between groups there is no order. */
  readonly deliveries: Record<string, Delivery[]>;
}

type Command = fc.AsyncCommand<Model, Real>;

function follow(call: Call, promise: Promise<unknown>): void {
  promise.then(
    (value) => {
      call.actual = { value };
    },
    (error: unknown) => {
      call.actual = { code: isMqError(error) ? error.code : String(error) };
    },
  );
}

/** Each call can be aborted alone, or with all others by one signal. */
function newCall(model: Model): Call {
  const abort = new AbortController();
  const signal = AbortSignal.any([abort.signal, model.abortAll.signal]);
  return { abort, signal, expected: 'pending', actual: 'pending' };
}

async function compare(model: Model, { broker }: Real): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  for (const call of model.calls) assert.deepEqual(call.actual, call.expected);
  const [topic] = await broker.describeTopics({ topic: 't' });
  assert.ok(topic !== undefined);
  assert.deepEqual([topic.logStartOffset, topic.logEndOffset], [model.start, model.end]);
  assert.equal(topic.waiterCount, model.sends.length + model.receives.length, 'who waits');
  for (const { group, committedOffset, inFlightCount, availableCount, members } of topic.groups) {
    const places = model.placesOf(group);
    const countOf = (wanted: Place['state']): number => places.filter(({ state }) => state === wanted).length;
    assert.equal(committedOffset, model.floorOf(places), 'I6');
    assert.deepEqual([inFlightCount, availableCount], [countOf('in-flight'), countOf('available')], 'I5');
    const leaseCount = members.reduce((sum, member) => sum + member.inFlightCount, 0);
    assert.equal(leaseCount, inFlightCount, 'I11');
  }
}

function command(name: string, run: (model: Model, real: Real) => void | Promise<void>): Command {
  return {
    check: () => true,
    run: async (model, real) => {
      await run(model, real);
      await compare(model, real);
    },
    toString: () => name,
  };
}

const send = (count: number): Command =>
  command(`sendBatch of ${count}`, (model, { broker }) => {
    const call: WaitingSend = { ...newCall(model), count };
    model.calls.push(call);
    const messages = Array.from({ length: count }, () => ({ body: 'x' }));
    const sent = broker.sendBatch('t', messages, { signal: call.signal });
    follow(
      call,
      sent.then(({ baseOffset }) => baseOffset),
    );
    if (count > model.slotCount) call.expected = { code: 'MQ_BATCH_TOO_LARGE' };
    else if (model.sends.length === 0 && model.overflow === 'reject' && !model.makeRoom(count))
      call.expected = { code: 'MQ_QUEUE_FULL' };
    else model.sends.push(call);
    model.settle();
  });

const receive = (group: string, memberId: string, options: { max: number; waits: boolean; leaseMs: number }): Command =>
  command(`${memberId} of ${group} receives ${JSON.stringify(options)}`, (model, { broker, deliveries }) => {
    const { max, waits, leaseMs } = options;
    const waitMs = waits ? WAIT_MS : 0;
    const call: WaitingReceive = { ...newCall(model), group, memberId, max, leaseMs, untilMs: model.nowMs + waitMs };
    model.calls.push(call);
    const answer = broker.receive('t', { group, memberId, max, leaseMs, waitMs, signal: call.signal });
    const seen = answer.then((got) => {
      deliveries[group]?.push(...got);
      return got.map(({ offset, deliveryCount, redeliveryReason: reason }) => {
        return `${offset} for the ${deliveryCount}. time, ${reason ?? 'first'}`;
      });
    });
    follow(call, seen);
    model.placesOf(group);
    model.receives.push(call);
    model.serve();
    if (call.expected !== 'pending' || waits) return;
    call.expected = { value: [] };
    model.receives.pop();
  });

/** Acks, nacks or cumulatively acks any delivery there ever was. */
const finish = (choice: number, how: 'ack' | 'cumulative' | 'retry' | 'return'): Command =>
  command(`${how} delivery ${choice}`, async (model, { broker, deliveries }) => {
    const group = choice % 2 === 0 ? 'a' : 'b';
    const ofGroup = model.handed.filter((handed) => handed.group === group);
    const index = (choice >> 1) % Math.max(ofGroup.length, 1);
    const [handed, delivery] = [ofGroup[index], deliveries[group]?.[index]];
    if (handed === undefined || delivery === undefined) return;
    const isAck = how === 'ack' || how === 'cumulative';
    const isAccepted = handed.status === 'held' || (isAck && handed.status === 'accepted');
    const call = isAck
      ? broker.ack([delivery], { cumulative: how === 'cumulative' })
      : broker.nack(delivery, { outcome: how });
    const refusal = model.groups.has(group) ? 'MQ_LEASE_EXPIRED' : 'MQ_UNKNOWN_GROUP';
    if (isAccepted) await call;
    else await assert.rejects(call, (error) => isMqError(error, refusal));
    if (!isAccepted) return;
    if (how === 'ack' || how === 'cumulative') model.ack(handed, how);
    else model.finish(handed, how);
    model.settle();
  });

const pass = command('100 ms pass', async (model, { clock }) => {
  await clock.pass(2 * STEP_MS);
  model.passStep();
  model.passStep();
});

const leave = (group: string, memberId: string): Command =>
  command(`${memberId} leaves ${group}`, async (model, { broker }) => {
    if (!model.groups.has(group)) return;
    await broker.leave('t', { group, memberId });
    const isGone = (call: { group: string; memberId: string }): boolean =>
      call.group === group && call.memberId === memberId;
    for (const call of model.receives.filter(isGone)) call.expected = { value: [] };
    model.receives = model.receives.filter((call) => !isGone(call));
    for (const handed of model.held().filter(isGone)) model.finish(handed, 'member-left');
    model.settle();
  });

const seek = (group: string, choice: number): Command =>
  command(`${group} seeks ${choice}`, async (model, { broker }) => {
    if (!model.groups.has(group)) return;
    const offset = model.start + (choice % (model.end - model.start + 1));
    await broker.seek('t', { group, to: { offset } });
    model.seek(group, offset);
    model.settle();
  });

/** Often there is no group yet, and sends wait: the new one may let them in. */
const createGroup = (group: string, choice: number): Command =>
  command(`create group ${group} at ${choice}`, async (model, { broker }) => {
    if (model.groups.has(group)) return;
    const { start, end } = model;
    const offset = start + (choice % (end - start + 1));
    const at = choice < 3 ? { from: 'latest' as const, offset: end } : { from: { offset }, offset };
    await broker.createGroup('t', group, { start: at.from });
    model.createGroup(group, at.offset);
    model.settle();
  });

const deleteGroup = (group: string): Command =>
  command(`delete group ${group}`, async (model, { broker }) => {
    if (!model.groups.has(group)) return;
    await broker.deleteGroup('t', group);
    model.deleteGroup(group);
    model.settle();
  });

const abort = (choice: number): Command =>
  command(`abort call ${choice}`, (model) => {
    const waiting = [...model.sends, ...model.receives];
    const call = waiting[choice % Math.max(waiting.length, 1)];
    if (call === undefined) return;
    call.abort.abort();
    call.expected = { code: 'MQ_ABORTED' };
    model.sends = model.sends.filter((other) => other !== call);
    model.receives = model.receives.filter((other) => other !== call);
    model.settle();
  });

const abortAll = command('abort all calls by one signal', (model) => {
  for (const call of [...model.sends, ...model.receives]) call.expected = { code: 'MQ_ABORTED' };
  model.sends = [];
  model.receives = [];
  model.abortAll.abort();
  model.abortAll = new AbortController();
});

const groups = fc.constantFrom('a', 'b');
const members = fc.constantFrom('ann', 'bob', 'cleo');
const wants = fc.record({
  max: fc.integer({ min: 1, max: 4 }),
  waits: fc.boolean(),
  leaseMs: fc.constantFrom(100, 300),
});

test('under every script of calls the broker does what its model does', async () => {
  const commands = fc.commands(
    [
      fc.integer({ min: 1, max: 4 }).map(send),
      fc.integer({ min: 1, max: 2 }).map(send),
      fc.tuple(groups, members, wants).map(([group, member, want]) => receive(group, member, want)),
      fc.tuple(groups, members, wants).map(([group, member, want]) => receive(group, member, want)),
      fc
        .tuple(fc.nat(40), fc.constantFrom('ack', 'cumulative', 'retry', 'return'))
        .map(([choice, how]) => finish(choice, how)),
      fc.nat(9).map((choice) => finish(choice, 'ack')),
      fc.nat(20).map((choice) => finish(choice, 'cumulative')),
      fc.constant(pass),
      fc.tuple(groups, members).map(([group, member]) => leave(group, member)),
      fc.tuple(groups, fc.nat(5)).map(([group, choice]) => seek(group, choice)),
      fc.tuple(groups, fc.nat(9)).map(([group, choice]) => createGroup(group, choice)),
      groups.map(deleteGroup),
      fc.nat(9).map(abort),
      fc.constant(abortAll),
    ],
    { size: '+1' },
  );
  const shape = fc.tuple(
    fc.integer({ min: 1, max: 5 }),
    fc.constantFrom<Overflow>('wait', 'wait', 'reject', 'drop-oldest'),
  );
  await fc.assert(
    fc.asyncProperty(commands, shape, async (script, [slotCount, overflow]) => {
      const clock = new VirtualClock();
      await using broker = await createBroker({ clock, memberTimeoutMs: 1_000_000 });
      await broker.createTopic('t', { messagesMax: slotCount, overflow });
      const setup = () => ({
        model: new Model(slotCount, overflow),
        real: { broker, clock, deliveries: { a: [], b: [] } },
      });
      await fc.asyncModelRun(setup, script);
    }),
    { numRuns: 300 },
  );
});
