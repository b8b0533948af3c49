/**
 * The operations of a permitted broker that send outside transactions, and the producers they are sent by.
 *
 * Always true: a producer, a producer group and a half message belong to the principal that opened, named or sent it. Of one
 * whose owner is not known any more (the broker was started again) the topic decides.
 */
import type { Broker } from '../../../shared/contract/broker.ts';
import { MqError } from '../../../shared/contract/errors.ts';
import { BATCH_HEAD_BYTES, senderOf } from '../../4-persisted-log/bytes/record-batch.ts';
import { type Operations, operationOf } from './broker-view.ts';
import type { Principal } from './principal.ts';
import { asTopic } from './topic-argument.ts';

export function publishing(broker: Broker, principal: Principal): Partial<Operations> {
  const { belongings, name } = principal;
  const checkSend = (topic: unknown, producerId: number | undefined): void => {
    principal.check(['publish'], asTopic(topic));
    if (producerId !== undefined && belongings.producers.isAnothers(producerId, name)) {
      throw principal.forbidden(`send as producer ${producerId}, which is another's`);
    }
  };
  return {
    send: async (topic, message, options) => {
      checkSend(topic, options?.producer?.producerId);
      return await broker.send(topic, message, options);
    },
    sendBatch: async (topic, messages, options) => {
      checkSend(topic, options?.producer?.producerId);
      return await broker.sendBatch(topic, messages, options);
    },
    appendBatch: async (topic, batch, options) => {
      checkSend(topic, options?.producer?.producerId);
      checkSend(topic, producerIn(batch));
      return await operationOf(broker, 'appendBatch')(topic, batch, options);
    },
    openProducer: async (options) => {
      principal.checkAny('open a producer');
      const own = options?.name === undefined ? undefined : ownName(options.name, 'options.name');
      const identity = await broker.openProducer(own === undefined ? options : { ...options, name: own });
      belongings.producers.set(identity.producerId, name);
      return identity;
    },
    ...halfMessages(broker, principal, ownName),
  };

  function ownName(said: unknown, path: string): string {
    return principal.ownName(path, said, broker.limits);
  }
}

/** An encoded batch may name its producer itself. What is no batch is for the broker to refuse. */
function producerIn(batch: unknown): number | undefined {
  if (!(batch instanceof Uint8Array) || batch.length < BATCH_HEAD_BYTES) return undefined;
  return senderOf(batch)?.producerId;
}

function halfMessages(
  broker: Broker,
  principal: Principal,
  ownName: (said: unknown, path: string) => string,
): Partial<Operations> {
  const { belongings, name } = principal;
  return {
    sendHalf: async (topic, message, options) => {
      principal.check(['publish'], asTopic(topic));
      const producerGroup = ownName(options?.producerGroup, 'options.producerGroup');
      const receipt = await broker.sendHalf(topic, message, { ...options, producerGroup });
      belongings.halfMessages.set(receipt.halfId, name);
      return receipt;
    },
    endHalf: async (topic, options) => {
      principal.check(['publish'], asTopic(topic));
      if (belongings.halfMessages.isAnothers(options?.halfId, name)) {
        throw new MqError('MQ_UNKNOWN_TRANSACTION', 'there is no half message of yours with this id');
      }
      return await broker.endHalf(topic, options);
    },
    receiveHalfChecks: async (producerGroup, options) => {
      principal.checkAny('be asked about half messages');
      const checks = await broker.receiveHalfChecks(ownName(producerGroup, 'producerGroup'), options);
      // Also those from before a restart: whose group is asked, its they are.
      for (const { halfId } of checks) belongings.halfMessages.set(halfId, name);
      return checks
        .filter(({ topic }) => principal.may(['publish'], topic))
        .map((check) => ({ ...check, producerGroup: principal.saidName(check.producerGroup) }));
    },
  };
}
