/**
 * The error registry: every code StageMQ can answer, what it means, whether repeating the same call can help, and how
 * an HTTP door says it. `docs/errors.md` has one section per code and a test compares the two in both directions.
 *
 * Always true: a caller's mistake or an expected event is an `MqError`; anything else that is thrown is a defect of
 * ours. Anybody may throw and catch these; only this file names codes.
 */
import type { TransactionOutcome } from './transaction.ts';

/** One row of the registry. */
export interface ErrorEntry {
  /** One sentence a caller can act on. */
  readonly meaning: string;
  /** True when the same call, repeated later, may succeed without anybody changing anything. */
  readonly isRetriable: boolean;
  /** Status of an HTTP answer that carries this code. */
  readonly httpStatus: number;
}

function entry(httpStatus: number, isRetriable: boolean, meaning: string): ErrorEntry {
  return Object.freeze({ meaning, isRetriable, httpStatus });
}

/** Code -> what it means, whether to try again, and its HTTP status. */
export const ERRORS = Object.freeze({
  MQ_INVALID_ARGUMENT: entry(400, false, 'An argument has the wrong shape or is outside its range.'),
  MQ_NOT_SUPPORTED: entry(
    501,
    false,
    'This broker lacks the capability the call needs; the message names it and its stage.',
  ),
  MQ_UNKNOWN_TOPIC: entry(404, false, 'The topic does not exist, or was deleted while the call waited.'),
  MQ_TOPIC_EXISTS: entry(409, false, 'The topic exists with other options.'),
  MQ_UNKNOWN_GROUP: entry(404, false, 'The group does not exist on this topic, or was deleted while the call waited.'),
  MQ_GROUP_EXISTS: entry(409, false, 'The group exists with other options.'),
  MQ_GROUP_KIND: entry(409, false, 'A queue group was used like a log group, or the other way round.'),
  MQ_QUEUE_FULL: entry(429, true, 'The topic is full, and stayed so for as long as the call was willing to wait.'),
  MQ_LIMIT_EXCEEDED: entry(
    429,
    true,
    'A named limit of the broker is reached: waiters, topics, groups, members or requests.',
  ),
  MQ_MESSAGE_TOO_LARGE: entry(413, false, 'A body, key, id or the headers are larger than the limit.'),
  MQ_BATCH_TOO_LARGE: entry(
    413,
    false,
    'The batch can never fit: above its own limits or above the capacity of the topic.',
  ),
  MQ_LEASE_EXPIRED: entry(
    409,
    false,
    'A lease ended before the call; `failed` lists the deliveries, all others were applied.',
  ),
  MQ_OFFSET_OUT_OF_RANGE: entry(
    416,
    false,
    'The offset is below the first or above the last one held; the error carries the valid range.',
  ),
  MQ_ABORTED: entry(499, false, 'The caller aborted; what the call had claimed was given back.'),
  MQ_CLOSED: entry(503, false, 'The broker, server or client is closed or closing and takes no new calls.'),
  MQ_UNAUTHORIZED: entry(401, false, 'The door asks for a token, and none or a wrong one was given.'),
  MQ_FORBIDDEN: entry(
    403,
    false,
    'This caller may not do that: no permission for it, a foreign Host, or a cross-origin caller.',
  ),
  MQ_NOT_FOUND: entry(404, false, 'The door has no such route.'),
  MQ_METHOD_NOT_ALLOWED: entry(405, false, 'The route exists, but not for this method; `Allow` lists those it has.'),
  MQ_UNSUPPORTED_MEDIA_TYPE: entry(415, false, 'The door does not read this content type or content encoding.'),
  MQ_PAYLOAD_TOO_LARGE: entry(413, false, 'The request as a whole is larger than the door accepts.'),
  MQ_HEADERS_TOO_LARGE: entry(431, false, 'The request line or headers are larger than the door accepts.'),
  MQ_REQUEST_TIMEOUT: entry(408, true, 'The request arrived too slowly and was dropped.'),
  MQ_GROUP_TAKEN: entry(409, true, 'The group is exclusive, and another member has it.'),
  MQ_STORAGE_FULL: entry(507, true, 'The disk has no room for it; nothing of it was stored.'),
  MQ_STORAGE_FAILED: entry(503, true, 'The disk failed; what the call asked for is not safe on it.'),
  MQ_UNKNOWN_TRANSACTION: entry(404, false, 'No transaction or half message has this id, or it ended too long ago.'),
  MQ_TRANSACTION_ENDED: entry(
    409,
    false,
    'The transaction or half message is over; `outcome` says how it ended, and it stays so.',
  ),
  MQ_PRODUCER_FENCED: entry(409, false, 'A newer owner of the same name took over; this one may not go on.'),
  MQ_UNKNOWN_PRODUCER: entry(404, false, 'The broker does not know the producer, or not any more: open it again.'),
  MQ_SEQUENCE_GAP: entry(409, false, 'Something this producer sent before never came; nothing was stored.'),
  MQ_SEQUENCE_TOO_OLD: entry(409, false, 'A repetition of something sent too long ago to be recognised.'),
  MQ_DUPLICATE_ID: entry(
    409,
    false,
    'Some ids of the batch were accepted before, others were not; nothing was stored.',
  ),
  MQ_INVALID_SELECTOR: entry(400, false, 'The selector is not one; the message says at which character and why.'),
  MQ_RATE_LIMITED: entry(
    429,
    true,
    'The caller used up what it may send or ask for; `retryAfterMs` says when to go on.',
  ),
  MQ_CORRUPT: entry(500, false, 'Stored bytes are not what was written; the message says where, and what can be done.'),
  MQ_DATA_LOCKED: entry(409, false, 'Another process works on the data folder.'),
  MQ_DATA_VERSION: entry(500, false, 'The data folder was written in a format this version does not know.'),
  MQ_INTERNAL: entry(500, false, 'A defect of the broker or door; the call may or may not have taken effect.'),
  MQ_UNREACHABLE: entry(502, true, 'A client could not connect; nothing was sent.'),
  MQ_CONNECTION_LOST: entry(502, true, 'The connection broke before the answer; the call may have taken effect.'),
  MQ_TIMEOUT: entry(504, true, 'No answer came within the time a client allows; the call may have taken effect.'),
  MQ_PROTOCOL: entry(502, false, 'The other side answered something that is not the protocol.'),
  MQ_MISSING_DEPENDENCY: entry(500, false, 'An optional package is not installed; the message has the install line.'),
});

/** Stable name of an error; the only thing callers should switch on. */
export type ErrorCode = keyof typeof ERRORS;

/** A delivery whose lease had ended, as `MQ_LEASE_EXPIRED` lists it. */
export interface FailedDelivery {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly leaseToken: string;
}

/** Machine-readable facts of an error; which are present depends on the code. Plain JSON: it crosses every wire. */
export interface ErrorDetails {
  /** MQ_NOT_SUPPORTED: the missing capability and the first stage that has it. */
  readonly capability?: string;
  readonly stage?: number;
  /** MQ_OFFSET_OUT_OF_RANGE: the valid range; `logEndOffset` itself is valid (it waits). */
  readonly logStartOffset?: number;
  readonly logEndOffset?: number;
  /** MQ_LEASE_EXPIRED: the entries that did not apply. */
  readonly failed?: readonly FailedDelivery[];
  /** MQ_QUEUE_FULL, MQ_LIMIT_EXCEEDED, MQ_RATE_LIMITED: when trying again is sensible. */
  readonly retryAfterMs?: number;
  /** MQ_INVALID_ARGUMENT: path of the argument, such as `messages[3].key`. */
  readonly path?: string;
  /** MQ_TRANSACTION_ENDED. */
  readonly outcome?: TransactionOutcome;
  /** MQ_INVALID_SELECTOR: index of the character, from 0. */
  readonly position?: number;
  /** MQ_METHOD_NOT_ALLOWED: the methods the route has. */
  readonly allow?: readonly string[];
}

/** What an `MqError` carries besides its code and its message. */
export interface MqErrorOptions {
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
}

/** The one error class. `message` says what was wrong and what would be right; `code` is for programs. */
export class MqError extends Error {
  override readonly name = 'MqError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: MqErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }

  /** True when the same call, repeated later, may succeed. */
  get isRetriable(): boolean {
    return ERRORS[this.code].isRetriable;
  }
}

/** `MQ_ABORTED` for an aborted signal, with the signal's reason as cause. */
export function abortedError(signal: AbortSignal): MqError {
  return new MqError('MQ_ABORTED', 'the call was aborted by its signal', { cause: signal.reason });
}

/** True for an `MqError`, and, when `code` is given, only for that code. */
export function isMqError(error: unknown, code?: ErrorCode): error is MqError {
  return error instanceof MqError && (code === undefined || error.code === code);
}

/** True when `text` is a code of the registry; a client uses it on what came over the wire. */
export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === 'string' && Object.hasOwn(ERRORS, text);
}
