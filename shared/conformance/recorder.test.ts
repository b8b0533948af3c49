/** The recorded broker: it answers what the broker answers, whatever that is, and an endless loop ends. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Broker } from '../contract/broker.ts';
import { nextTurn } from './check.ts';
import { CALLS_MAX, History } from './history.ts';
import { recorded } from './recorder.ts';
import { Contradiction, EnvironmentFault } from './verdict.ts';

/** A broker that answers `answer` to everything, and its record. */
function answering(answer: unknown): { readonly broker: Broker; readonly history: History } {
  const history = new History({ nowMs: () => 0 });
  const reply = async (): Promise<unknown> => answer;
  const members = { send: reply, sendBatch: reply, receive: reply, fetch: reply, commit: reply };
  return { broker: recorded(members as unknown as Broker, history, 'c'), history };
}

describe('a recorded broker', () => {
  test('hands on answers of no shape at all, and writes them down', async () => {
    for (const answer of [undefined, null, 7, 'x', {}, [null], { records: 7 }, { records: [{ body: 1 }] }]) {
      const { broker, history } = answering(answer);
      const message = { body: 'a' };
      const calls = [broker.send('t', message), broker.sendBatch('t', [message]), broker.receive('t')];
      const got = await Promise.all([...calls, broker.fetch('t'), broker.commit('t', { group: 'g', offset: 1 })]);
      assert.deepEqual(got, Array(5).fill(answer));
      await nextTurn();
      const outcomes = history.calls.map(({ outcome }) => outcome);
      assert.deepEqual(outcomes, Array(5).fill('ok'));
    }
  });

  test('a commit that is not answered says what it wanted; one that is, what is in force', async () => {
    const { broker, history } = answering(9);
    const answered = broker.commit('t', { group: 'g', partition: 1, offset: 7 });
    const [open] = history.calls;
    const place = { kind: 'commit', topic: 't', group: 'g', partition: 1 };
    assert.deepEqual(open?.facts, { ...place, offset: 7 });
    await answered;
    await nextTurn();
    assert.deepEqual(history.calls[0]?.facts, { ...place, offset: 9 });
  });

  test('refuses to be called more than CALLS_MAX times, also when nobody looks at the refusal', async () => {
    const { broker, history } = answering([]);
    for (let count = 0; count < CALLS_MAX; count += 1) await broker.receive('t');
    const refusals = [broker.receive('t'), broker.receive('t')];
    await nextTurn();
    for (const refusal of refusals) await assert.rejects(refusal, Contradiction);
    assert.equal(history.calls.length, CALLS_MAX);
    assert.equal(history.isWhole, true);
  });

  test('asks the broker nothing more when the history is closed, and still notes how open calls end', async () => {
    const { broker, history } = answering([]);
    const open = broker.receive('t');
    history.close();
    const late = broker.receive('t');
    await nextTurn();
    await assert.rejects(late, EnvironmentFault);
    assert.deepEqual(await open, []);
    assert.deepEqual(
      history.calls.map(({ outcome }) => outcome),
      ['ok'],
    );
  });
});
