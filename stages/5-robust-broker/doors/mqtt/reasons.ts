/**
 * Reason codes of MQTT 5, what they are called in older versions, and what the contract's errors are in them.
 *
 *     a packet is wrong             Violation, with the reason     DISCONNECT (5), close (3.1, 3.1.1)
 *     the broker refuses something  MqError -> reasonOf            PUBACK, SUBACK, CONNACK with that reason
 *
 * Pure. Every part of the MQTT door uses it.
 */
import { type ErrorCode, isMqError } from '../../../../shared/contract/errors.ts';

/** The reason codes this door sends or looks for. */
export const REASON = Object.freeze({
  success: 0x00,
  disconnectWithWill: 0x04,
  noMatchingSubscribers: 0x10,
  noSubscriptionExisted: 0x11,
  unspecified: 0x80,
  malformedPacket: 0x81,
  protocolError: 0x82,
  implementationSpecific: 0x83,
  unsupportedVersion: 0x84,
  clientIdNotValid: 0x85,
  badUserNameOrPassword: 0x86,
  notAuthorized: 0x87,
  serverUnavailable: 0x88,
  serverBusy: 0x89,
  serverShuttingDown: 0x8b,
  badAuthenticationMethod: 0x8c,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  packetIdNotFound: 0x92,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  messageRateTooHigh: 0x96,
  quotaExceeded: 0x97,
  payloadFormatInvalid: 0x99,
  retainNotSupported: 0x9a,
  sharedSubscriptionsNotSupported: 0x9e,
  wildcardSubscriptionsNotSupported: 0xa2,
});

/** From here on a reason says that something failed. */
export const FIRST_FAILURE = 0x80;

/** The other side broke the protocol; the connection ends with this reason. */
export class Violation extends Error {
  readonly reason: number;

  constructor(reason: number, message: string) {
    super(message);
    this.name = 'Violation';
    this.reason = reason;
  }
}

export function malformed(message: string): Violation {
  return new Violation(REASON.malformedPacket, message);
}

export function protocolError(message: string): Violation {
  return new Violation(REASON.protocolError, message);
}

const REASONS: Partial<Record<ErrorCode, number>> = {
  MQ_INVALID_ARGUMENT: REASON.topicNameInvalid,
  MQ_NOT_SUPPORTED: REASON.implementationSpecific,
  MQ_UNKNOWN_TOPIC: REASON.topicNameInvalid,
  MQ_QUEUE_FULL: REASON.quotaExceeded,
  MQ_LIMIT_EXCEEDED: REASON.quotaExceeded,
  MQ_MESSAGE_TOO_LARGE: REASON.packetTooLarge,
  MQ_RATE_LIMITED: REASON.messageRateTooHigh,
  MQ_STORAGE_FULL: REASON.quotaExceeded,
  MQ_UNAUTHORIZED: REASON.notAuthorized,
  MQ_FORBIDDEN: REASON.notAuthorized,
  MQ_CLOSED: REASON.serverShuttingDown,
};

/** What the broker's refusal is called here. */
export function reasonOf(error: unknown): number {
  if (error instanceof Violation) return error.reason;
  return (isMqError(error) ? REASONS[error.code] : undefined) ?? REASON.unspecified;
}

/** What an answer to a PUBLISH may say; for the rest it has a word that fits all. */
const PUBLISH_REASONS = new Set<number>([
  ...[REASON.unspecified, REASON.implementationSpecific, REASON.notAuthorized, REASON.topicNameInvalid],
  ...[REASON.quotaExceeded, REASON.payloadFormatInvalid],
]);

export function publishReasonOf(error: unknown): number {
  const reason = reasonOf(error);
  if (PUBLISH_REASONS.has(reason)) return reason;
  const isTooMuch = reason === REASON.packetTooLarge || reason === REASON.messageRateTooHigh;
  return isTooMuch ? REASON.quotaExceeded : REASON.implementationSpecific;
}

/** What a SUBACK may say of one topic filter. */
const SUBSCRIBE_REASONS = new Set<number>([
  ...[REASON.unspecified, REASON.implementationSpecific, REASON.notAuthorized, REASON.topicFilterInvalid],
  ...[REASON.quotaExceeded, REASON.sharedSubscriptionsNotSupported, REASON.wildcardSubscriptionsNotSupported],
]);

export function subscribeReasonOf(error: unknown): number {
  const reason = reasonOf(error);
  if (reason === REASON.topicNameInvalid) return REASON.topicFilterInvalid;
  return SUBSCRIBE_REASONS.has(reason) ? reason : REASON.unspecified;
}

/** The return code of a CONNACK of 3.1 and 3.1.1, which has five words only. */
export function returnCodeOf(reason: number): number {
  if (reason === REASON.success) return 0;
  if (reason === REASON.unsupportedVersion) return 1;
  if (reason === REASON.clientIdNotValid) return 2;
  if (reason === REASON.badUserNameOrPassword) return 4;
  if (reason === REASON.notAuthorized) return 5;
  return 3;
}
