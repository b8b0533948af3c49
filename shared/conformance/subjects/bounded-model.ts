/**
 * A topic with little room, as simple as can be: what it holds, and the senders that wait in line.
 *
 *     waiting: [e f] [g]   -->   held: [a b c d]   -->   received
 *
 * Always true: the line moves only at its front, and only when all of the first sender's messages fit. Used by the
 * property of a full topic only.
 */
import fc from 'fast-check';
import { equal } from '../check.ts';
import type { TestContext } from '../test-context.ts';
import { abortable, texts } from './steps.ts';

export const BOUNDED_CAPACITY = 4;

export interface BoundedModel {
  readonly held: string[];
  readonly line: { readonly bodies: readonly string[]; readonly name: string }[];
  sentCount: number;
}

interface PendingSend {
  isOpen: boolean;
  readonly abort: () => void;
}

export interface BoundedUnderTest {
  readonly context: TestContext;
  readonly topic: string;
  /** Every send that has not been seen to settle, by name. */
  readonly pending: Map<string, PendingSend>;
}

type BoundedCommand = fc.AsyncCommand<BoundedModel, BoundedUnderTest>;

function admit(model: BoundedModel): void {
  for (let first = model.line[0]; first !== undefined; first = model.line[0]) {
    if (model.held.length + first.bodies.length > BOUNDED_CAPACITY) return;
    model.held.push(...first.bodies);
    model.line.shift();
  }
}

/** Exactly those sends are open that the model has in line. */
async function compareLines(model: BoundedModel, { context, topic, pending }: BoundedUnderTest): Promise<void> {
  const stillOpen: string[] = [];
  await new Promise((resolve) => setImmediate(resolve));
  for (const [name, { isOpen }] of pending) {
    if (isOpen) stillOpen.push(name);
    else pending.delete(name);
  }
  equal(
    stillOpen,
    model.line.map(({ name }) => name),
    'the sends that wait',
  );
  const { availableCount, waiterCount } = await context.describe(topic);
  equal([availableCount, waiterCount], [model.held.length, model.line.length], 'availableCount and waiterCount');
}

class OfferCommand implements BoundedCommand {
  readonly count: number;

  constructor(count: number) {
    this.count = count;
  }

  check = (): boolean => true;

  async run(model: BoundedModel, real: BoundedUnderTest): Promise<void> {
    const { context, topic, pending } = real;
    const bodies = Array.from({ length: this.count }, (_, index) => `m-${model.sentCount + index}`);
    const name = `producer of ${bodies[0]}`;
    model.sentCount += this.count;
    const { signal, abort } = abortable();
    const messages = bodies.map((body) => ({ body }));
    const send: PendingSend = { isOpen: true, abort };
    const noteEnd = (): void => {
      send.isOpen = false;
    };
    context.as(name).sendBatch(topic, messages, { signal }).then(noteEnd, noteEnd);
    pending.set(name, send);
    model.line.push({ bodies, name });
    admit(model);
    await compareLines(model, real);
  }

  toString = (): string => `send ${this.count}`;
}

class TakeCommand implements BoundedCommand {
  readonly max: number;

  constructor(max: number) {
    this.max = max;
  }

  check = (): boolean => true;

  async run(model: BoundedModel, real: BoundedUnderTest): Promise<void> {
    const { context, topic } = real;
    const deliveries = await context.broker.receive(topic, { max: this.max });
    // Room made by taking one may be filled by a waiting sender while the same receive still takes.
    const expected: string[] = [];
    if (context.has('lease')) expected.push(...model.held.splice(0, this.max));
    else {
      while (expected.length < this.max && model.held.length > 0) {
        expected.push(...model.held.splice(0, 1));
        admit(model);
      }
    }
    equal(texts(deliveries), expected, `a receive of up to ${this.max}`);
    await context.finish(deliveries);
    admit(model);
    await compareLines(model, real);
  }

  toString = (): string => `receive ${this.max}`;
}

class GiveUpCommand implements BoundedCommand {
  readonly pick: number;

  constructor(pick: number) {
    this.pick = pick;
  }

  check = (model: Readonly<BoundedModel>): boolean => model.line.length > 0;

  async run(model: BoundedModel, real: BoundedUnderTest): Promise<void> {
    const [left] = model.line.splice(this.pick % model.line.length, 1);
    if (left !== undefined) real.pending.get(left.name)?.abort();
    admit(model);
    await compareLines(model, real);
  }

  toString = (): string => `sender #${this.pick} in line gives up`;
}

export function boundedCommands(): fc.Arbitrary<BoundedCommand>[] {
  return [
    fc.integer({ min: 1, max: 3 }).map((count) => new OfferCommand(count)),
    fc.integer({ min: 1, max: 3 }).map((max) => new TakeCommand(max)),
    fc.nat({ max: 3 }).map((pick) => new GiveUpCommand(pick)),
  ];
}
