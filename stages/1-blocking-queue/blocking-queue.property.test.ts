/**
 * The queue against a model of twenty lines, under random scripts of calls (fast-check model commands), and under
 * random interleavings of producers, consumers and cancellations (fast-check scheduler). A failure prints its seed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VirtualClock } from '../../shared/clock.ts';
import type { Overflow } from '../../shared/contract/description.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import { BlockingQueue } from './blocking-queue.ts';

type Outcome = 'pending' | { readonly value: unknown } | { readonly code: string };

/** A call as both sides see it; the model predicts its outcome, the queue's promise tells the real one. */
interface Call {
  readonly values: readonly number[];
  readonly isPoll: boolean;
  expected: Outcome;
  actual: Outcome;
  readonly abort: AbortController;
}

/** What a bounded queue with two lines of waiters does, written with plain arrays and no care for speed. */
class Model {
  readonly calls: Call[] = [];
  readonly held: number[] = [];
  puts: Call[] = [];
  takes: Call[] = [];
  accepted = 0;
  dropped = 0;
  isClosed = false;
  nextValue = 0;
  readonly capacity: number;
  readonly overflow: Overflow;

  constructor(capacity: number, overflow: Overflow) {
    this.capacity = capacity;
    this.overflow = overflow;
  }

  put(call: Call): void {
    const fits = (): boolean => this.held.length + call.values.length <= this.capacity;
    if (this.isClosed) call.expected = { code: 'MQ_CLOSED' };
    else if (call.values.length > this.capacity) call.expected = { code: 'MQ_BATCH_TOO_LARGE' };
    else if (this.overflow === 'reject' && !fits()) call.expected = { code: 'MQ_QUEUE_FULL' };
    else {
      for (; this.overflow === 'drop-oldest' && !fits(); this.dropped += 1) this.held.shift();
      this.puts.push(call);
      this.settle();
    }
  }

  take(call: Call): void {
    if (this.held.length === 0 && this.isClosed)
      call.expected = call.isPoll ? { value: undefined } : { code: 'MQ_CLOSED' };
    else {
      this.takes.push(call);
      this.settle();
    }
  }

  end(call: Call, outcome: Outcome): void {
    if (call.expected === 'pending') call.expected = outcome;
    this.puts = this.puts.filter((other) => other !== call);
    this.takes = this.takes.filter((other) => other !== call);
    this.settle();
  }

  /** Moves values until nothing moves any more. */
  settle(): void {
    for (;;) {
      const [put] = this.puts;
      const [take] = this.takes;
      if (take !== undefined && this.held.length > 0) {
        take.expected = { value: this.held.shift() };
        this.takes.shift();
      } else if (put !== undefined && this.held.length + put.values.length <= this.capacity) {
        this.held.push(...put.values);
        this.accepted += put.values.length;
        put.expected = { value: undefined };
        this.puts.shift();
      } else return;
    }
  }
}

interface Real {
  readonly queue: BlockingQueue<number>;
  readonly clock: VirtualClock;
}

type Command = fc.AsyncCommand<Model, Real>;

function newCall(model: Model, values: readonly number[], isPoll = false): Call {
  const call: Call = { values, isPoll, expected: 'pending', actual: 'pending', abort: new AbortController() };
  model.calls.push(call);
  return call;
}

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

/** Lets every settled promise tell its outcome, then compares everything there is to see. */
async function compare(model: Model, { queue }: Real): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  for (const call of model.calls) assert.deepEqual(call.actual, call.expected);
  assert.deepEqual(queue.peek(1000), model.held);
  assert.equal(queue.size, model.held.length);
  assert.ok(queue.size <= queue.capacity, 'I1');
  assert.ok(queue.waitingTakes.size === 0 || queue.size === 0, 'I2');
  assert.equal(queue.waitingTakes.size, model.takes.length);
  assert.equal(queue.waitingPuts.size, model.puts.length);
  assert.ok(queue.waitingTakes.size === 0 || queue.waitingPuts.size === 0);
  assert.equal(queue.acceptedCount, model.accepted, 'I4');
  assert.equal(queue.droppedCount, model.dropped, 'I4');
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

const putAll = (count: number): Command =>
  command(`putAll(${count} values)`, (model, { queue }) => {
    const call = newCall(
      model,
      Array.from({ length: count }, () => model.nextValue++),
    );
    follow(call, queue.putAll(call.values, { signal: call.abort.signal }));
    model.put(call);
  });

const put = (timeoutMs: number | undefined): Command =>
  command(`put, timeoutMs ${timeoutMs}, which then passes`, async (model, { queue, clock }) => {
    const call = newCall(model, [model.nextValue++]);
    const [value = 0] = call.values;
    follow(call, queue.put(value, { signal: call.abort.signal, timeoutMs }));
    model.put(call);
    if (timeoutMs === undefined) return;
    await clock.pass(timeoutMs);
    if (call.expected === 'pending') model.end(call, { code: 'MQ_QUEUE_FULL' });
  });

const offer = command('offer', (model, { queue }) => {
  if (model.isClosed) return;
  const call = newCall(model, [model.nextValue++]);
  const [value = 0] = call.values;
  const isAccepted = queue.offer(value);
  call.actual = isAccepted ? { value: undefined } : { code: 'MQ_QUEUE_FULL' };
  model.put(call);
  if (call.expected === 'pending') model.end(call, { code: 'MQ_QUEUE_FULL' });
});

const take = command('take', (model, { queue }) => {
  const call = newCall(model, []);
  follow(call, queue.take({ signal: call.abort.signal }));
  model.take(call);
});

const poll = (timeoutMs: number): Command =>
  command(`poll, timeoutMs ${timeoutMs}, which then passes`, async (model, { queue, clock }) => {
    const call = newCall(model, [], true);
    follow(call, queue.poll({ signal: call.abort.signal, timeoutMs }));
    model.take(call);
    await clock.pass(timeoutMs);
    if (call.expected === 'pending') model.end(call, { value: undefined });
  });

const drain = (max: number): Command =>
  command(`drain(${max})`, (model, { queue }) => {
    const expected: number[] = [];
    while (expected.length < max && model.held.length > 0) {
      expected.push(model.held.shift() as number);
      model.settle();
    }
    assert.deepEqual(queue.drain(max), expected);
  });

const abort = (choice: number): Command =>
  command(`abort call ${choice}`, (model) => {
    const waiting = [...model.puts, ...model.takes];
    const call = waiting[choice % waiting.length];
    if (call === undefined) return;
    call.abort.abort();
    model.end(call, { code: 'MQ_ABORTED' });
  });

const close = command('close', (model, { queue }) => {
  queue.close();
  model.isClosed = true;
  for (const call of model.puts.splice(0)) call.expected = { code: 'MQ_CLOSED' };
  for (const call of model.takes.splice(0)) call.expected = call.isPoll ? { value: undefined } : { code: 'MQ_CLOSED' };
});

test('under every script of calls the queue does what its model does', async () => {
  const commands = fc.commands(
    [
      fc.integer({ min: 1, max: 5 }).map(putAll),
      fc.constantFrom(undefined, undefined, 0, 10).map(put),
      fc.constant(offer),
      fc.constant(take),
      fc.constantFrom(0, 10).map(poll),
      fc.integer({ min: 1, max: 6 }).map(drain),
      fc.nat(9).map(abort),
      fc.nat(9).map(abort),
      fc.constant(close),
    ],
    { size: '+1' },
  );
  const capacity = fc.integer({ min: 1, max: 4 });
  const overflow = fc.constantFrom<Overflow>('wait', 'wait', 'reject', 'drop-oldest');
  await fc.assert(
    fc.asyncProperty(commands, capacity, overflow, async (script, capacityMax, whenFull) => {
      const setup = (): { model: Model; real: Real } => {
        const clock = new VirtualClock();
        const queue = new BlockingQueue<number>({ capacity: capacityMax, overflow: whenFull, clock });
        return { model: new Model(capacityMax, whenFull), real: { queue, clock } };
      };
      await fc.asyncModelRun(setup, script);
    }),
    { numRuns: 300 },
  );
});

test('whatever the interleaving: each accepted value reaches one taker, in the order of its producer', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.integer({ min: 1, max: 3 }), fc.nat(20), async (s, capacity, abortAt) => {
      const queue = new BlockingQueue<string>({ capacity });
      const abort = new AbortController();
      const accepted: string[] = [];
      const taken: string[] = [];
      const step = (label: string): Promise<unknown> => s.schedule(Promise.resolve(), label);
      const produce = async (name: string): Promise<void> => {
        for (let number = 0; number < 4; number += 1) {
          await step(`${name} puts ${number}`);
          const value = `${name}${number}`;
          // The odd ones may be cancelled; a put that rejects must leave nothing behind.
          const options = number % 2 === 1 ? { signal: abort.signal } : {};
          await queue.put(value, options).then(
            () => accepted.push(value),
            (error) => assert.ok(isMqError(error, 'MQ_ABORTED')),
          );
        }
      };
      const consume = async (name: string): Promise<void> => {
        for (let count = 0; count < 4; count += 1) {
          await step(`${name} takes`);
          const options = name === 'c1' ? { signal: abort.signal } : {};
          await queue.take(options).then(
            (value) => taken.push(value),
            (error) => assert.ok(isMqError(error)),
          );
        }
      };
      const cancel = async (): Promise<void> => {
        for (let count = 0; count < abortAt; count += 1) await step('the canceller waits');
        abort.abort();
      };
      const all = Promise.all([produce('x'), produce('y'), consume('c1'), consume('c2'), cancel()]);
      await s.waitIdle();
      const left: string[] = [];
      for (let batch = queue.drain(9); batch.length > 0; batch = queue.drain(9)) {
        left.push(...batch);
        await s.waitIdle();
      }
      queue.close();
      await s.waitFor(all);
      assert.deepEqual([...taken, ...left].sort(), accepted.sort());
      for (const name of ['x', 'y']) {
        const ofProducer = [...taken, ...left].filter((value) => value.startsWith(name));
        assert.deepEqual(ofProducer, [...ofProducer].sort());
      }
    }),
    { numRuns: 200 },
  );
});
