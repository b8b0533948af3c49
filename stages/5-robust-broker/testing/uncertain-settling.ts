/**
 * A broker whose refusals for want of a disk say what they mean for a delivery: nobody can tell.
 *
 *     nack --> applied in memory --> journal: EIO --> MQ_STORAGE_FAILED      whoever waits gets it again; a restart may not know
 *
 * Always true: only what settles a delivery or a position is touched; a send that was refused was not accepted. For tests
 * that judge histories, to which a refusal means that nothing happened.
 */
import type { Broker } from '../../../shared/contract/broker.ts';
import { isMqError, MqError } from '../../../shared/contract/errors.ts';

const SETTLING: ReadonlySet<unknown> = new Set<keyof Broker>(['ack', 'nack', 'commit']);

export function withUncertainSettling(broker: Broker): Broker {
  return new Proxy(broker, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      const operation = member.bind(target) as (...args: unknown[]) => unknown;
      if (!SETTLING.has(name)) return operation;
      return async (...args: unknown[]) => {
        try {
          return await operation(...args);
        } catch (error) {
          if (!isMqError(error, 'MQ_STORAGE_FAILED') && !isMqError(error, 'MQ_STORAGE_FULL')) throw error;
          throw new MqError('MQ_TIMEOUT', `nobody knows: ${error.message}`, { cause: error });
        }
      };
    },
  });
}
