import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../shared/clock.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import { type Waiter, WaiterLine } from './waiter-line.ts';

function newLine(): { clock: VirtualClock; line: WaiterLine<string, string> } {
  const clock = new VirtualClock();
  return {
    clock,
    line: new WaiterLine({ clock, calls: 'calls', limits: { waitersCountMax: 1000, waitingBytesMax: 100 } }),
  };
}

function abortable(): { readonly signal: AbortSignal; abort(): void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

test('waiters stand in the order they came', async () => {
  const { line } = newLine();
  const calls = [line.wait('a'), line.wait('b'), line.wait('c')];
  assert.deepEqual(
    [...line].map((waiter) => waiter.want),
    ['a', 'b', 'c'],
  );
  line.settleAll((waiter) => waiter.serve(`got ${waiter.want}`));
  assert.deepEqual(await Promise.all(calls), ['got a', 'got b', 'got c']);
  assert.equal(line.size, 0);
  assert.equal(line.first, undefined);
});

test('a waiter leaves the middle of the line without disturbing its neighbours', async () => {
  const { line } = newLine();
  const abort = new AbortController();
  const before = line.wait('before');
  const middle = line.wait('middle', { signal: abort.signal });
  const after = line.wait('after');
  abort.abort();
  await assert.rejects(middle, (error) => isMqError(error, 'MQ_ABORTED'));
  assert.equal(line.size, 2);
  line.settleAll((waiter) => waiter.serve(waiter.want));
  assert.deepEqual(await Promise.all([before, after]), ['before', 'after']);
});

test('an aborted call rejects with the reason of its signal as cause', async () => {
  const { line } = newLine();
  const reason = new Error('the user left');
  await assert.rejects(line.wait('late', { signal: AbortSignal.abort(reason) }), (error) => {
    return isMqError(error, 'MQ_ABORTED') && error.cause === reason;
  });
  assert.equal(line.size, 0);
});

test('a call that was served does not notice an abort that comes later', async () => {
  const { line } = newLine();
  const abort = new AbortController();
  const call = line.wait('one', { signal: abort.signal });
  line.first?.serve('value');
  abort.abort();
  assert.equal(await call, 'value');
});

test('a waiter that was served twice is settled once and leaves the line once', async () => {
  const { line } = newLine();
  const first = line.wait('first');
  const second = line.wait('second');
  const waiter = line.first;
  waiter?.serve('once');
  waiter?.serve('twice');
  waiter?.fail(new Error('too late'));
  assert.equal(await first, 'once');
  assert.equal(line.size, 1);
  line.first?.serve('mine');
  assert.equal(await second, 'mine');
});

test('a call whose time ran out resolves with what onTimeout returns', async () => {
  const { clock, line } = newLine();
  const call = line.wait('slow', { timeoutMs: 100, onTimeout: () => 'nothing' });
  await clock.pass(99);
  assert.equal(line.size, 1);
  await clock.pass(1);
  assert.equal(line.size, 0);
  assert.equal(await call, 'nothing');
});

test('a call whose time ran out rejects with what onTimeout throws', async () => {
  const { clock, line } = newLine();
  const call = line.wait('slow', {
    timeoutMs: 100,
    onTimeout: () => {
      throw new Error('full');
    },
  });
  const rejected = assert.rejects(call, /full/);
  await clock.pass(100);
  await rejected;
});

test('a served call leaves no timer and no listener behind', async () => {
  const { clock, line } = newLine();
  const abort = new AbortController();
  let listenerCount = 0;
  const { signal } = abort;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listenerCount += 1;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listenerCount -= 1;
    remove(...args);
  };
  const call = line.wait('one', { signal, timeoutMs: 1000, onTimeout: () => 'never' });
  assert.equal(clock.timerCount, 1);
  assert.equal(listenerCount, 1);
  line.first?.serve('value');
  await call;
  assert.equal(clock.timerCount, 0);
  assert.equal(listenerCount, 0);
});

test('where one signal aborts many, whoever leaves first serves nobody whose own listener has yet to run', async () => {
  const { line } = newLine();
  const { signal, abort } = abortable();
  const serveNext = (): void => line.first?.serve('served');
  const calls = [
    line.wait('aborted', { signal, onLeave: serveNext }),
    line.wait('aborted too', { signal, onLeave: serveNext }),
    line.wait('stays'),
  ];
  const settled = Promise.allSettled(calls);
  abort();
  const outcomes = (await settled).map((outcome) =>
    outcome.status === 'fulfilled' ? outcome.value : outcome.reason.code,
  );
  assert.deepEqual(outcomes, ['MQ_ABORTED', 'MQ_ABORTED', 'served']);
});

test('nor does settleAll serve one that was aborted, and whoever is aborted settles although its listener never runs', async () => {
  const { line } = newLine();
  const { signal, abort } = abortable();
  signal.addEventListener('abort', (event) => event.stopImmediatePropagation());
  const calls = [line.wait('aborted', { signal }), line.wait('stays')];
  const settled = Promise.allSettled(calls);
  abort();
  line.settleAll((waiter) => waiter.serve('served'));
  assert.deepEqual(
    (await settled).map(({ status }) => status),
    ['rejected', 'fulfilled'],
  );
  assert.equal(line.size, 0);
});

test('a waiter is in the set of its caller exactly as long as it is in the line, however it leaves', async () => {
  const { clock, line } = newLine();
  const { signal, abort } = abortable();
  const among = new Set<Waiter<string, string>>();
  const calls = [
    line.wait('served', { among }),
    line.wait('aborted', { among, signal }),
    line.wait('timed out', { among, timeoutMs: 10, onTimeout: () => 'nothing' }),
    line.wait('somebody else'),
  ];
  const settled = Promise.allSettled(calls);
  const wants = (): string[] => Array.from(among, ({ want }) => want);
  assert.deepEqual(wants(), ['served', 'aborted', 'timed out']);
  line.first?.serve('value');
  abort();
  assert.deepEqual(wants(), ['timed out']);
  await clock.pass(10);
  assert.deepEqual([wants(), line.size], [[], 1]);
  line.first?.serve('value');
  await settled;
});

test('a time-out that is no number is refused, and nobody joins', async () => {
  const { line } = newLine();
  await assert.rejects(line.wait('x', { timeoutMs: Number.NaN, onTimeout: () => 'never' }), /finite/);
  assert.equal(line.size, 0);
});

test('onLeave runs after a time-out or an abort, when the line is already shorter, and not when served', async () => {
  const { clock, line } = newLine();
  const left: string[] = [];
  const abort = new AbortController();
  const onLeave = (who: string) => () => left.push(`${who}, ${line.size} remain`);
  const calls = [
    line.wait('aborted', { signal: abort.signal, onLeave: onLeave('aborted') }),
    line.wait('timed out', { timeoutMs: 10, onTimeout: () => 'nothing', onLeave: onLeave('timed out') }),
    line.wait('served', { onLeave: onLeave('served') }),
  ];
  const settled = Promise.allSettled(calls);
  abort.abort();
  await clock.pass(10);
  line.first?.serve('value');
  await settled;
  assert.deepEqual(left, ['aborted, 2 remain', 'timed out, 1 remain']);
});

test('a thousand calls may wait on one signal without a warning', async () => {
  const { line } = newLine();
  const abort = new AbortController();
  const calls = Array.from({ length: 1000 }, (_, index) => line.wait(String(index), { signal: abort.signal }));
  abort.abort();
  const outcomes = await Promise.allSettled(calls);
  assert.ok(outcomes.every(({ status }) => status === 'rejected'));
  assert.equal(line.size, 0);
});

test('a line that is full, or would keep too many bytes, refuses the next call and forgets nobody', async () => {
  const limits = { waitersCountMax: 2, waitingBytesMax: 100 };
  const line = new WaiterLine<string, string>({ clock: new VirtualClock(), calls: 'sends', limits });
  const first = line.wait('first', { weight: 60 });
  await assert.rejects(line.wait('too heavy', { weight: 41 }), (error) => isMqError(error, 'MQ_LIMIT_EXCEEDED'));
  const second = line.wait('second', { weight: 40 });
  assert.equal(line.weight, 100);
  await assert.rejects(line.wait('one too many'), (error) => isMqError(error, 'MQ_LIMIT_EXCEEDED'));
  line.settleAll((waiter) => waiter.serve(waiter.want));
  assert.deepEqual([await first, await second, line.weight], ['first', 'second', 0]);
});
