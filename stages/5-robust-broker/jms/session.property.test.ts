/**
 * One consumer that takes, acknowledges, recovers and comes again as it likes: it is handed what is not finished, in its order, and
 * nothing else, by a session that acknowledges and by one that is transacted.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Message, type MessageConsumer, Session } from './index.ts';
import { openTarget, type TargetName } from './testing/targets.ts';
import { next, sendTexts, started } from './testing/texts.ts';

type Step =
  | { readonly kind: 'send' | 'take'; readonly count: number }
  | { readonly kind: 'finish' | 'undo' | 'reopen' };

const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant<'send'>('send'), count: fc.integer({ min: 1, max: 9 }) }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant<'take'>('take'), count: fc.integer({ min: 1, max: 3 }) }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constantFrom<'finish' | 'undo' | 'reopen'>('finish', 'undo', 'reopen') }),
    },
  ),
  { minLength: 8, maxLength: 20 },
);

/** What the queue holds, oldest first, and how much of it the program has taken. */
class Model {
  readonly #unfinished: { readonly text: string; takenCount: number }[] = [];
  #taken = 0;
  #sentCount = 0;

  newTexts(count: number): string[] {
    const texts = Array.from({ length: count }, (_, index) => `${this.#sentCount + index}`);
    this.#sentCount += count;
    for (const text of texts) this.#unfinished.push({ text, takenCount: 0 });
    return texts;
  }

  /** The next one to be handed out; undefined when there is none. */
  take(): { readonly text: string; readonly takenCount: number } | undefined {
    const message = this.#unfinished[this.#taken];
    if (message === undefined) return undefined;
    this.#taken += 1;
    message.takenCount += 1;
    return message;
  }

  finish(): void {
    this.#unfinished.splice(0, this.#taken);
    this.#taken = 0;
  }

  undo(): void {
    this.#taken = 0;
  }
}

async function runSteps(name: TargetName, isTransacted: boolean, run: { prefetch: number; steps: readonly Step[] }) {
  await using target = await openTarget(name, { prefetch: run.prefetch });
  await using connection = await started(target.factory.createConnection());
  const sending = connection.createSession();
  const queue = sending.createQueue('orders');
  const open = async (): Promise<{ session: Session; consumer: MessageConsumer }> => {
    const session = connection.createSession(isTransacted, Session.CLIENT_ACKNOWLEDGE);
    return { session, consumer: await session.createConsumer(queue) };
  };
  const model = new Model();
  let { session, consumer } = await open();
  let last: Message | undefined;
  for (const step of run.steps) {
    if (step.kind === 'send') await sendTexts(sending, queue, model.newTexts(step.count));
    else if (step.kind === 'take') last = (await takeSome(consumer, model, step.count)) ?? last;
    else if (step.kind === 'finish') {
      await (isTransacted ? session.commit() : last?.acknowledge());
      model.finish();
    } else {
      if (step.kind === 'reopen') {
        await session.close();
        ({ session, consumer } = await open());
      } else await (isTransacted ? session.rollback() : session.recover());
      last = undefined;
      model.undo();
    }
  }
}

async function takeSome(consumer: MessageConsumer, model: Model, count: number): Promise<Message | undefined> {
  let last: Message | undefined;
  for (let index = 0; index < count; index += 1) {
    const expected = model.take();
    if (expected === undefined) {
      assert.equal(await consumer.receiveNoWait(), null, 'there is no more');
      return last;
    }
    const message = await next(consumer);
    const { text, takenCount } = expected;
    const seen = [message.getText(), message.getIntProperty('JMSXDeliveryCount'), message.getJMSRedelivered()];
    assert.deepEqual(seen, [text, takenCount, takenCount > 1]);
    last = message;
  }
  return last;
}

for (const [name, isTransacted, numRuns] of [
  ['stage 2', false, 60],
  ['stage 5', false, 40],
  ['stage 5', true, 40],
  ['tcp', false, 15],
  ['tcp', true, 15],
] as const) {
  test(`${name}: whatever a ${isTransacted ? 'transacted' : 'CLIENT'} session does, it is handed what is not finished, in its order`, async () => {
    const runs = fc.record({ prefetch: fc.integer({ min: 1, max: 4 }), steps });
    await fc.assert(
      fc.asyncProperty(runs, (run) => runSteps(name, isTransacted, run)),
      { numRuns },
    );
  });
}
