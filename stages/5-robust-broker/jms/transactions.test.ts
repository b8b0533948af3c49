/** Transacted sessions: what was sent and taken takes effect together, or not at all. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TransactionRolledBackException, UnsupportedOperationException } from './index.ts';
import { openTarget } from './testing/targets.ts';
import { Listened, next, nextTexts, sendTexts, started } from './testing/texts.ts';

for (const name of ['stage 5', 'tcp'] as const) {
  test(`${name}: what was sent is there after the commit, and not before`, async () => {
    await using target = await openTarget(name);
    await using connection = await started(target.factory.createConnection());
    const session = connection.createSession(true);
    const queue = session.createQueue('orders');
    const reader = connection.createSession();
    const consumer = await reader.createConsumer(queue);
    await sendTexts(session, queue, ['a']);
    await session.rollback();
    await sendTexts(session, queue, ['b', 'c']);
    assert.equal(await consumer.receiveNoWait(), null);
    await session.commit();
    assert.deepEqual(await nextTexts(consumer, 2), ['b', 'c']);
    assert.equal(await consumer.receiveNoWait(), null);
  });

  test(`${name}: what was taken comes again after a rollback, in its order and counted, and not after a commit`, async () => {
    await using target = await openTarget(name);
    await using connection = await started(target.factory.createConnection());
    const session = connection.createSession(true);
    const [orders, bills] = [session.createQueue('orders'), session.createQueue('bills')];
    const plain = connection.createSession();
    await sendTexts(plain, orders, ['a', 'b', 'c', 'd', 'e']);
    const consumer = await session.createConsumer(orders);
    assert.deepEqual(await nextTexts(consumer, 3), ['a', 'b', 'c']);
    await sendTexts(session, bills, ['bill of a']);
    await session.rollback();
    const again = await next(consumer);
    assert.deepEqual([again.getText(), again.getJMSRedelivered()], ['a', true]);
    assert.deepEqual(await nextTexts(consumer, 2), ['b', 'c']);
    await sendTexts(session, bills, ['bill']);
    await session.commit();
    assert.deepEqual(await nextTexts(consumer, 2), ['d', 'e']);
    await session.close();
    const reader = connection.createSession();
    assert.deepEqual(await nextTexts(await reader.createConsumer(bills), 1), ['bill']);
    const rest = await reader.createConsumer(orders);
    assert.deepEqual(await nextTexts(rest, 2), ['d', 'e'], 'to close is to roll back');
    assert.equal(await rest.receiveNoWait(), null);
  });

  test(`${name}: a listener may commit, and roll back`, async () => {
    await using target = await openTarget(name);
    await using connection = await started(target.factory.createConnection());
    const session = connection.createSession(true);
    const queue = session.createQueue('orders');
    await sendTexts(connection.createSession(), queue, ['a', 'b']);
    const listened = new Listened();
    (await session.createConsumer(queue)).setMessageListener(async (message) => {
      listened.note(message);
      await (listened.texts.length === 1 ? session.rollback() : session.commit());
    });
    await listened.reaches(3);
    assert.deepEqual(listened.texts, ['a', 'a', 'b']);
  });

  test(`${name}: a commit that comes too late has undone everything, and says so`, async () => {
    await using target = await openTarget(name);
    await using connection = await started(target.factory.createConnection());
    const session = connection.createSession(true);
    const [orders, bills] = [session.createQueue('orders'), session.createQueue('bills')];
    await sendTexts(connection.createSession(), orders, ['a']);
    const consumer = await session.createConsumer(orders);
    await next(consumer);
    const begin = target.broker.begin.bind(target.broker);
    const ids: string[] = [];
    target.broker.begin = async (options) => {
      const transaction = await begin(options);
      ids.push(transaction.id);
      return transaction;
    };
    await sendTexts(session, bills, ['bill']);
    await (await target.broker.findTransaction(ids[0] ?? '')).abort();
    await assert.rejects(session.commit(), TransactionRolledBackException);
    const again = await next(consumer);
    assert.deepEqual([again.getText(), again.getJMSRedelivered()], ['a', true]);
    await session.commit();
    assert.equal(await (await session.createConsumer(bills)).receiveNoWait(), null);
  });
}

test('a broker without transactions has no transacted sessions', async () => {
  for (const name of ['stage 2', 'stage 4'] as const) {
    await using target = await openTarget(name);
    await using connection = await target.factory.createConnection();
    assert.throws(
      () => connection.createSession(true),
      (error) => error instanceof UnsupportedOperationException && /"transactions"/.test(error.message),
    );
  }
});
