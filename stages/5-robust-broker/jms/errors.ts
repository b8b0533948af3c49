/**
 * The errors of JMS, and which of them an error of the broker is.
 *
 *     JMSException -- IllegalStateException, InvalidDestinationException, MessageFormatException, ...
 *          cause: the MqError           errorCode: its code
 *
 * Always true: what a caller of this API is shown is one of these; an error that is none of the broker's is a defect, and is
 * passed on as it is.
 */
import { type ErrorCode, isMqError } from '../../../shared/contract/errors.ts';

/** What any call of this API throws or rejects with; `cause` is what the broker said. */
export class JMSException extends Error {
  override readonly name: string = 'JMSException';
  /** Code of the broker's error, where it was one. */
  readonly errorCode: ErrorCode | undefined;

  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.errorCode = isMqError(cause) ? cause.code : undefined;
  }

  getErrorCode(): ErrorCode | undefined {
    return this.errorCode;
  }
}

/** Not now: closed, of the wrong kind of session, from within a listener. */
export class IllegalStateException extends JMSException {
  override readonly name = 'IllegalStateException';
}

/** Two connections cannot have the same client id. */
export class InvalidClientIDException extends JMSException {
  override readonly name = 'InvalidClientIDException';
}

/** No such destination, or none that may be used here. */
export class InvalidDestinationException extends JMSException {
  override readonly name = 'InvalidDestinationException';
}

/** The selector is none. */
export class InvalidSelectorException extends JMSException {
  override readonly name = 'InvalidSelectorException';
}

/** Not allowed, or not allowed in. */
export class JMSSecurityException extends JMSException {
  override readonly name = 'JMSSecurityException';
}

/** The body has no more to read. */
export class MessageEOFException extends JMSException {
  override readonly name = 'MessageEOFException';
}

/** A value that is not of the type it is written or read as. */
export class MessageFormatException extends JMSException {
  override readonly name = 'MessageFormatException';
}

/** The body is being written. */
export class MessageNotReadableException extends JMSException {
  override readonly name = 'MessageNotReadableException';
}

/** What was received is read-only, until it is cleared. */
export class MessageNotWriteableException extends JMSException {
  override readonly name = 'MessageNotWriteableException';
}

/** No room, or a limit is reached: later it may go. */
export class ResourceAllocationException extends JMSException {
  override readonly name = 'ResourceAllocationException';
}

/** The transaction is undone, though it was to be committed. */
export class TransactionRolledBackException extends JMSException {
  override readonly name = 'TransactionRolledBackException';
}

/** What this broker cannot do; the message names the capability it lacks. */
export class UnsupportedOperationException extends JMSException {
  override readonly name = 'UnsupportedOperationException';
}

type Kind = new (message: string, cause?: unknown) => JMSException;

const BY_CODE: ReadonlyMap<ErrorCode, Kind> = new Map<ErrorCode, Kind>([
  ['MQ_CLOSED', IllegalStateException],
  ['MQ_UNKNOWN_TOPIC', InvalidDestinationException],
  ['MQ_UNKNOWN_GROUP', InvalidDestinationException],
  ['MQ_INVALID_SELECTOR', InvalidSelectorException],
  ['MQ_UNAUTHORIZED', JMSSecurityException],
  ['MQ_FORBIDDEN', JMSSecurityException],
  ['MQ_QUEUE_FULL', ResourceAllocationException],
  ['MQ_LIMIT_EXCEEDED', ResourceAllocationException],
  ['MQ_RATE_LIMITED', ResourceAllocationException],
  ['MQ_STORAGE_FULL', ResourceAllocationException],
  ['MQ_TRANSACTION_ENDED', TransactionRolledBackException],
  ['MQ_PRODUCER_FENCED', TransactionRolledBackException],
  ['MQ_NOT_SUPPORTED', UnsupportedOperationException],
]);

/** The error as this API shows it. */
export function jmsExceptionOf(error: unknown): unknown {
  if (!isMqError(error)) return error;
  const path = error.details.path ?? '';
  const isName = error.code === 'MQ_INVALID_ARGUMENT' && /^(topic|destination)$/.test(path);
  const Exception = isName ? InvalidDestinationException : (BY_CODE.get(error.code) ?? JMSException);
  return new Exception(error.message, error);
}

/** Does what asks the broker. */
export async function asJms<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw jmsExceptionOf(error);
  }
}

/** Does what is about values: what does not fit is a `MessageFormatException`. */
export function asFormat<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw isMqError(error) ? new MessageFormatException(error.message, error) : error;
  }
}
