/**
 * The errors of a spine about its topics and itself, so that every stage refuses with the same words.
 *
 * Always true: a name stands in quotes, cut and escaped, as it may be a stranger's. Pure; used by the spines.
 */
import { MqError } from '../../shared/contract/errors.ts';
import { quote } from '../../shared/contract/validation.ts';

export function unknownTopicError(name: string): MqError {
  return new MqError('MQ_UNKNOWN_TOPIC', `there is no topic ${quote(name)}`);
}

/** For calls that wait on a topic while it is deleted. */
export function deletedTopicError(name: string): MqError {
  return new MqError('MQ_UNKNOWN_TOPIC', `topic ${quote(name)} was deleted`);
}

export function topicExistsError(name: string): MqError {
  return new MqError('MQ_TOPIC_EXISTS', `topic ${quote(name)} exists with other options`);
}

export function topicsError(countMax: number): MqError {
  return new MqError('MQ_LIMIT_EXCEEDED', `the broker has ${countMax} topics, which is its limit`);
}

export function closedError(): MqError {
  return new MqError('MQ_CLOSED', 'the broker is closed');
}
