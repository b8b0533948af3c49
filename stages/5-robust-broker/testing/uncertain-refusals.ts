/**
 * A broker whose refusals for want of a disk say what they mean to whoever judges a history, to which a refusal means that
 * nothing happened (docs/errors.md):
 *
 *     send --> written --> sync: EIO --> MQ_STORAGE_FAILED      not accepted, and after a crash it may be found stored
 *     nack --> applied in memory --> journal: EIO --> the same  whoever waits gets it again; a restart may not know
 *
 * Always true: only these are touched; of a send, a full disk says for certain that nothing was stored. For tests.
 */
import type { Broker } from '../../../shared/contract/broker.ts';
import { isMqError, MqError } from '../../../shared/contract/errors.ts';
import type { Transaction } from '../../../shared/contract/transaction.ts';

type Operation = keyof Broker | keyof Transaction;

/** They take effect before the disk is asked. */
const SETTLING: ReadonlySet<unknown> = new Set<Operation>(['ack', 'nack', 'commit']);
/** What was written of them may stay. */
const STORING: ReadonlySet<unknown> = new Set<Operation>(['send', 'sendBatch']);

export function withUncertainRefusals<Subject extends Broker | Transaction>(subject: Subject): Subject {
  return new Proxy(subject, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      const operation = member.bind(target) as (...args: unknown[]) => unknown;
      if (name === 'begin')
        return async (...args: unknown[]) => withUncertainRefusals((await operation(...args)) as Transaction);
      if (!SETTLING.has(name) && !STORING.has(name)) return operation;
      return async (...args: unknown[]) => {
        try {
          return await operation(...args);
        } catch (error) {
          const isUncertain = isMqError(error, 'MQ_STORAGE_FAILED');
          if (!isUncertain && !(SETTLING.has(name) && isMqError(error, 'MQ_STORAGE_FULL'))) throw error;
          throw new MqError('MQ_TIMEOUT', `nobody knows: ${error.message}`, { cause: error });
        }
      };
    },
  });
}
