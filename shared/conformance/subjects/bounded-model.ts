/**
 * A topic with little room, as simple as can be: what it holds, and the senders that wait in line.
 *
 *     line: [e f] [g]   -->   held: [a b c d]   -->   received
 *
 * Always true: the line moves only at its front, and only when all of the first sender's messages fit. Used by the
 * property of a full topic only.
 */
import fc from 'fast-check';
import { equal } from '../check.ts';
import type { TestContext } from '../test-context.ts';
import { commandOf, type ModelCommand } from './model-command.ts';
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

type BoundedCommand = ModelCommand<BoundedModel, BoundedUnderTest>;

export function boundedCommands(): fc.Arbitrary<BoundedCommand>[] {
  return [
    fc.integer({ min: 1, max: 3 }).map(sendCommand),
    fc.integer({ min: 1, max: 3 }).map(receiveCommand),
    fc.nat({ max: 3 }).map(giveUpCommand),
  ];
}

function sendCommand(count: number): BoundedCommand {
  return commandOf(`send ${count}`, {
    run: async (model, real) => {
      const bodies = Array.from({ length: count }, (_, index) => `m-${model.sentCount + index}`);
      const name = `producer of ${bodies[0]}`;
      model.sentCount += count;
      startSend(real, { bodies, name });
      model.line.push({ bodies, name });
      admit(model);
      await compareLines(model, real);
    },
  });
}

function receiveCommand(max: number): BoundedCommand {
  return commandOf(`receive ${max}`, {
    run: async (model, real) => {
      const { context, topic } = real;
      const deliveries = await context.broker.receive(topic, { max });
      equal(texts(deliveries), taken(model, max, context.has('lease')), `a receive of up to ${max}`);
      await context.finish(deliveries);
      admit(model);
      await compareLines(model, real);
    },
  });
}

function giveUpCommand(pick: number): BoundedCommand {
  return commandOf(`sender #${pick} in line gives up`, {
    check: (model) => model.line.length > 0,
    run: async (model, real) => {
      const [left] = model.line.splice(pick % model.line.length, 1);
      if (left !== undefined) real.pending.get(left.name)?.abort();
      admit(model);
      await compareLines(model, real);
    },
  });
}

/** What a receive gets. Without leases taking one makes room, which the line may fill while the same receive takes. */
function taken(model: BoundedModel, max: number, hasLeases: boolean): string[] {
  if (hasLeases) return model.held.splice(0, max);
  const bodies: string[] = [];
  while (bodies.length < max && model.held.length > 0) {
    bodies.push(...model.held.splice(0, 1));
    admit(model);
  }
  return bodies;
}

function admit(model: BoundedModel): void {
  for (let first = model.line[0]; first !== undefined; first = model.line[0]) {
    if (model.held.length + first.bodies.length > BOUNDED_CAPACITY) return;
    model.held.push(...first.bodies);
    model.line.shift();
  }
}

function startSend(
  { context, topic, pending }: BoundedUnderTest,
  { bodies, name }: { readonly bodies: readonly string[]; readonly name: string },
): void {
  const { signal, abort } = abortable();
  const send: PendingSend = { isOpen: true, abort };
  const noteEnd = (): void => {
    send.isOpen = false;
  };
  const batch = bodies.map((body) => ({ body }));
  context.as(name).sendBatch(topic, batch, { signal }).then(noteEnd, noteEnd);
  pending.set(name, send);
}

/** Exactly those sends are open that the model has in line. */
async function compareLines(model: BoundedModel, { context, topic, pending }: BoundedUnderTest): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  for (const [name, { isOpen }] of pending) {
    if (!isOpen) pending.delete(name);
  }
  const inLine = model.line.map(({ name }) => name);
  equal([...pending.keys()], inLine, 'the sends that wait');
  const { availableCount, waiterCount } = await context.describe(topic);
  equal([availableCount, waiterCount], [model.held.length, model.line.length], 'availableCount and waiterCount');
}
