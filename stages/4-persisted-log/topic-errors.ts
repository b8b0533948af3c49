/** The answers of a topic of this stage that has no place for something. Pure. */
import type { TopicOptions } from '../../shared/contract/description.ts';
import { MqError } from '../../shared/contract/errors.ts';
import { quote } from '../../shared/contract/validation.ts';
import { type Shortage, shortageText } from './disk-watch.ts';
import type { RoomRequest } from './room-maker.ts';

export interface NamedTopic {
  readonly name: string;
  readonly options: TopicOptions;
}

/** Refuses with `code` what could never enter, not even into an empty topic. */
export function checkFits(
  topic: NamedTopic,
  { count, heldBytes }: RoomRequest,
  code: 'MQ_MESSAGE_TOO_LARGE' | 'MQ_BATCH_TOO_LARGE',
): void {
  const { messagesMax = Number.MAX_SAFE_INTEGER, bytesMax = Number.MAX_SAFE_INTEGER } = topic.options;
  if (count <= messagesMax && heldBytes <= bytesMax) return;
  throw new MqError(code, `topic ${quote(topic.name)} can never hold it: ${boundOf(topic)}`);
}

export function fullError(topic: NamedTopic): MqError {
  return new MqError('MQ_QUEUE_FULL', `topic ${quote(topic.name)} is full: ${boundOf(topic)}`);
}

export function storageLowError(shortage: Shortage): MqError {
  return new MqError('MQ_STORAGE_FULL', shortageText(shortage));
}

function boundOf({ options }: NamedTopic): string {
  const { messagesMax, bytesMax } = options;
  const messages = messagesMax === undefined || messagesMax === Number.MAX_SAFE_INTEGER ? 'any number of' : messagesMax;
  return `it holds ${messages} messages and ${bytesMax ?? 'any number of'} bytes`;
}
