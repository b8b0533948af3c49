/**
 * Errors of the contract in the words of JMS: the class and the text that a Java client throws.
 *
 * Always true: a client is told the code of the contract and its message, and of a defect nothing but that it is one; every
 * class is one of JMS with a constructor of one text. Pure.
 */
import { type ErrorCode, MqError } from '../../../../shared/contract/errors.ts';
import { asMqError } from '../../../4-persisted-log/doors/tcp/wire-error.ts';
import type { Thrown } from './fields.ts';

const JMS = 'javax.jms.';
/** Characters of a message that travel; nobody reads more. */
const MESSAGE_CHARACTERS_MAX = 4096;

const CLASSES: Readonly<Partial<Record<ErrorCode, string>>> = {
  MQ_UNAUTHORIZED: 'JMSSecurityException',
  MQ_FORBIDDEN: 'JMSSecurityException',
  MQ_UNKNOWN_TOPIC: 'InvalidDestinationException',
  MQ_INVALID_SELECTOR: 'InvalidSelectorException',
  MQ_QUEUE_FULL: 'ResourceAllocationException',
  MQ_LIMIT_EXCEEDED: 'ResourceAllocationException',
  MQ_RATE_LIMITED: 'ResourceAllocationException',
  MQ_STORAGE_FULL: 'ResourceAllocationException',
  MQ_TRANSACTION_ENDED: 'TransactionRolledBackException',
  MQ_UNKNOWN_TRANSACTION: 'TransactionRolledBackException',
  MQ_PROTOCOL: 'IllegalStateException',
};

/** A refusal that JMS has a class of its own for. */
export class JmsRefusal extends MqError {
  readonly className: 'InvalidClientIDException' | 'InvalidDestinationException' | 'TransactionRolledBackException';

  constructor(className: JmsRefusal['className'], message: string, options: { readonly cause?: unknown } = {}) {
    super('MQ_INVALID_ARGUMENT', message, options);
    this.className = className;
  }
}

/** What a client throws. */
export function thrownOf(error: unknown): Thrown {
  const known = asMqError(error);
  const className = known instanceof JmsRefusal ? known.className : (CLASSES[known.code] ?? 'JMSException');
  const message = `${known.code}: ${known.message}`.slice(0, MESSAGE_CHARACTERS_MAX);
  return { className: `${JMS}${className}`, message };
}

/** Another connection has the client id. */
export function clientIdTaken(clientId: string): JmsRefusal {
  return new JmsRefusal('InvalidClientIDException', `client ${clientId} is connected already`);
}
