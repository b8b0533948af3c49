import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isMqError } from '../contract/errors.ts';
import { newProducer, newWorld, settled, storedIn } from './testing/idempotent-world.ts';
import { lossyBroker } from './testing/lossy-broker.ts';

describe('on a network that loses, delays and repeats', () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    test(`every message is stored once, and those with one key in their order (seed ${seed})`, async () => {
      const world = await newWorld(seed);
      const { clock, random, broker } = world;
      await broker.createTopic('t', { partitionCount: 3 });
      const lossy = lossyBroker(broker, { clock, random, lossPercent: 45, delayMsMax: 40 });
      const batchCountMax = [1, 3, 4096][seed % 3] ?? 1;
      const producer = newProducer(world, lossy.broker, { batchCountMax, lingerMs: seed % 2 === 0 ? 10 : 0 });
      const sends: Promise<unknown>[] = [];
      for (let index = 0; index < 240; index += 1) {
        const key = ['a', 'b', 'c', 'd', undefined][random.below(5)];
        const message = { body: `${key ?? '-'}${index}`, ...(key === undefined ? {} : { key }) };
        const kind = random.below(12);
        if (kind === 0) sends.push(producer.sendBatch('t', [message, { ...message, body: `${message.body}+` }]));
        else if (kind === 1) sends.push(producer.send('t', message, { timeoutMs: 60_000 }));
        else sends.push(producer.send('t', message));
        if (random.below(6) === 0) await clock.pass(random.below(20));
      }
      const outcomes = await settled(clock, sends);
      assert.deepEqual(
        outcomes.filter(({ status }) => status === 'rejected'),
        [],
      );
      await clock.pass(1000); // what is late arrives too
      assert.ok(lossy.lostCount() > 20, `${lossy.lostCount()} calls went wrong`);
      const stored = (await Promise.all([0, 1, 2].map((partition) => storedIn(broker, 't', partition)))).flat();
      assert.equal(new Set(stored).size, stored.length, 'nothing is there twice');
      assert.equal(new Set(stored.map((body) => Number.parseInt(body.slice(1), 10))).size, 240, 'everything is there');
      for (const key of ['a', 'b', 'c', 'd']) {
        const numbers = stored.filter((body) => body.startsWith(key)).map((body) => Number.parseInt(body.slice(1), 10));
        assert.deepEqual(
          numbers,
          numbers.toSorted((one, other) => one - other),
          `in order: ${key}`,
        );
      }
      await producer.close();
      await broker.close();
    });

    test(`what is refused for its content leaves no gap, and its neighbours keep their order (seed ${seed})`, async () => {
      const world = await newWorld(seed, { limits: { bodyBytesMax: 20 } });
      const { clock, random, broker } = world;
      const lossy = lossyBroker(broker, { clock, random, lossPercent: 30, delayMsMax: 30 });
      const producer = newProducer(world, lossy.broker, { batchCountMax: 1 + random.below(6) });
      const sends: Promise<unknown>[] = [];
      const right: string[] = [];
      for (let index = 0; index < 150; index += 1) {
        const isWrong = random.below(8) === 0;
        if (!isWrong) right.push(String(index));
        const send = producer.send('t', { body: isWrong ? 'x'.repeat(30) : String(index) });
        send.catch(() => undefined); // looked at in the end
        sends.push(send);
        if (random.below(5) === 0) await clock.pass(random.below(20));
      }
      const outcomes = await settled(clock, sends);
      const refused = outcomes.filter((one) => one.status === 'rejected');
      assert.equal(refused.length, 150 - right.length);
      for (const { reason } of refused) assert.ok(isMqError(reason, 'MQ_MESSAGE_TOO_LARGE'), String(reason));
      await clock.pass(1000);
      assert.deepEqual(await storedIn(broker, 't'), right);
      await producer.close();
      await broker.close();
    });
  }

  test('the same run without numbers stores something twice: the network is as bad as it says', async () => {
    const world = await newWorld(3);
    const { clock, random, broker } = world;
    const lossy = lossyBroker(broker, { clock, random, lossPercent: 45, delayMsMax: 40 });
    const producer = newProducer(world, lossy.broker, { isIdempotent: false, batchCountMax: 3 });
    await settled(
      clock,
      Array.from({ length: 100 }, (_, index) => producer.send('t', { body: String(index) })),
    );
    await clock.pass(1000);
    assert.ok((await storedIn(broker, 't')).length > 110);
  });
});
