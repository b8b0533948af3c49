import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import { createBroker } from '../../4-persisted-log/index.ts';
import { GuardedBroker } from './guarded-broker.ts';
import { MemoryMark } from './memory-mark.ts';

interface Guarded extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly broker: Broker;
  readonly guard: GuardedBroker;
  readonly mark: MemoryMark;
  readonly changes: boolean[];
  /** What the gauge shows from now on; the mark sees it. */
  use(bytes: number): Promise<void>;
}

async function guarded(options: { readonly limits?: object; readonly collect?: () => void } = {}): Promise<Guarded> {
  const clock = new VirtualClock();
  const broker = await createBroker({ clock, flushPolicy: 'never', limits: options.limits ?? {} });
  let used = 0;
  const changes: boolean[] = [];
  const collect = options.collect === undefined ? {} : { collect: options.collect };
  const onChange = (isHigh: boolean): void => void changes.push(isHigh);
  const mark = new MemoryMark({ clock, gauge: () => used, highBytes: 1000, lowBytes: 600, onChange, ...collect });
  const guard = new GuardedBroker(broker, { mark, clock });
  const use = async (bytes: number): Promise<void> => {
    used = bytes;
    await clock.pass(250);
  };
  return { clock, broker, guard, mark, changes, use, [Symbol.asyncDispose]: () => broker.close() };
}

test('above the high mark sends wait, and all else goes on; below the low mark they go, in order', async () => {
  await using t = await guarded();
  const { view } = t.guard;
  await view.send('t', { body: 'before' });
  await t.use(1000);
  const order: string[] = [];
  const waiting = ['a', 'b', 'c'].map((body) => view.send('t', { body }).then(() => order.push(body)));
  await t.clock.pass(0);
  assert.equal(t.guard.waitingCount, 3);
  assert.equal((await t.broker.describeTopics({ topic: 't' }))[0]?.logEndOffset, 1);
  const [delivery] = await view.receive('t');
  assert.ok(delivery !== undefined);
  await view.ack([delivery]);
  assert.equal((await view.fetch('t')).records.length, 1);
  await t.use(601);
  assert.equal(t.guard.waitingCount, 3, 'between the marks it stays shut');
  await t.use(600);
  await Promise.all(waiting);
  assert.deepEqual(order, ['a', 'b', 'c']);
  await t.use(999);
  await view.send('t', { body: 'between the marks it stays open' });
  assert.deepEqual(t.changes, [true, false]);
});

test('every way of sending waits, and gives up as its caller says: refused, with the time to come back', async () => {
  await using t = await guarded();
  const { view } = t.guard;
  await view.send('from', { body: 'x' });
  const { bytes } = (await t.broker.fetchBatches?.('from')) ?? { bytes: new Uint8Array() };
  await t.use(5000);
  const refused = { code: 'MQ_LIMIT_EXCEEDED', isRetriable: true, details: { retryAfterMs: 1000 } };
  await assert.rejects(view.send('t', { body: '' }, { timeoutMs: 0 }), refused);
  await assert.rejects(view.sendBatch('t', [{ body: '' }], { timeoutMs: 0 }), refused);
  await assert.rejects(view.appendBatch?.('t', bytes, { timeoutMs: 0 }) ?? Promise.resolve(), refused);
  const late = assert.rejects(view.send('t', { body: '' }, { timeoutMs: 100 }), refused);
  const abort = new AbortController();
  const aborted = assert.rejects(view.send('t', { body: '' }, { signal: abort.signal }), { code: 'MQ_ABORTED' });
  await t.clock.pass(100);
  abort.abort();
  await Promise.all([late, aborted]);
  assert.equal(t.guard.waitingCount, 0);
  await assert.rejects(view.send('t', { body: '' }, { timeoutMs: -1 }), { code: 'MQ_INVALID_ARGUMENT' });
  assert.ok(!(await t.broker.describeTopics()).some(({ topic }) => topic === 't'), 'nothing was stored');
});

test('what waits for memory is bounded in number and in bytes', async () => {
  await using t = await guarded({ limits: { waitersCountMax: 10, waitingBytesMax: 20_000 } });
  const { view } = t.guard;
  await t.use(5000);
  const sends = Array.from({ length: 30 }, (_, index) => view.send('t', { body: 'x'.repeat(5000), id: `${index}` }));
  const ends = Promise.allSettled(sends);
  await t.clock.pass(0);
  assert.equal(t.guard.waitingCount, 3);
  assert.ok(t.guard.waitingBytes <= 20_000);
  await t.use(0);
  assert.deepEqual((await ends).map(({ status }) => status).slice(0, 4), [
    'fulfilled',
    'fulfilled',
    'fulfilled',
    'rejected',
  ]);
});

test('what waits when it closes is refused, and nothing of it is stored', async () => {
  await using t = await guarded();
  await t.use(5000);
  const waiting = assert.rejects(t.guard.view.send('t', { body: '' }), { code: 'MQ_CLOSED' });
  await t.clock.pass(0);
  t.guard.close();
  await waiting;
  await assert.rejects(t.guard.view.send('t', { body: '' }), { code: 'MQ_CLOSED' });
  assert.equal(t.clock.timerCount, 0);
});

test('garbage is taken away before it shuts, at most once in ten seconds while it is shut', async () => {
  let collected = 0;
  const collect = (): void => {
    collected += 1;
  };
  await using t = await guarded({ collect });
  await t.use(5000);
  assert.ok(t.mark.isHigh());
  assert.equal(collected, 1);
  await t.clock.pass(9000);
  assert.equal(collected, 1);
  await t.clock.pass(2000);
  assert.equal(collected, 2);
});

test('it says why nothing is taken in, and counts how often', async () => {
  await using t = await guarded();
  assert.equal(t.mark.memoryShortage(), undefined);
  await t.use(5_000_000);
  assert.match(t.mark.memoryShortage() ?? '', /^5\.0 MB of memory are in use; above 0\.0 MB nothing new is taken in/);
  const [, blocked, count] = t.mark.metrics().map(({ series }) => series[0]?.value);
  assert.deepEqual([blocked, count], [1, 1]);
});
