import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Broker } from '../../shared/contract/broker.ts';
import { isMqError, MqError } from '../../shared/contract/errors.ts';
import { SimulatedDisk } from '../../shared/simulated-disk.ts';
import { openTarget } from '../target.ts';
import { RunningStage } from './running-stage.ts';

/** Its broker loses the answer to the next call of `lost.name`, which took effect all the same. */
async function openForgetful(signal = new AbortController().signal) {
  const lost: { name: 'deleteTopic' | 'createTopic' | undefined } = { name: undefined };
  const forgetful = (broker: Broker): Broker =>
    new Proxy(broker, {
      get: (_, name) => {
        const member: unknown = Reflect.get(broker, name, broker);
        if (typeof member !== 'function') return member;
        return async (...args: unknown[]): Promise<unknown> => {
          const answer: unknown = await Reflect.apply(member, broker, args);
          if (name !== lost.name) return answer;
          lost.name = undefined;
          throw new MqError('MQ_CONNECTION_LOST', 'it died');
        };
      },
    });
  const running = await RunningStage.open(5, {
    openStage: async (stage, { brokerOptions }) => {
      const onDisk = { ...brokerOptions, disk: new SimulatedDisk(), dataFolder: '/data' };
      const target = await openTarget(String(stage), { brokerOptions: onDisk });
      return { ...target, broker: forgetful(target.broker) };
    },
    signal,
    onSample: () => undefined,
    onFault: (error) => {
      throw error;
    },
  });
  return { running, lost };
}

test('a broker that dies while the topics are made anew is waited for', async () => {
  const { running, lost } = await openForgetful();
  for (const [name, overflow] of [
    ['deleteTopic', 'reject'],
    ['createTopic', 'drop-oldest'],
  ] as const) {
    lost.name = name;
    await running.changeOverflow();
    assert.equal(lost.name, undefined);
    const { view } = running.simulation;
    assert.equal(view.overflow, overflow);
    assert.equal(view.description?.options.overflow, overflow);
    assert.deepEqual([view.producers.length, view.readers.length], [2, 3], 'nobody enters twice');
  }
  await running.close();
});

test('nobody waits for it when the user has left', async () => {
  const abort = new AbortController();
  const { running, lost } = await openForgetful(abort.signal);
  lost.name = 'deleteTopic';
  abort.abort();
  await assert.rejects(running.changeOverflow(), (error) => isMqError(error, 'MQ_CONNECTION_LOST'));
  await running.close();
});
