/** Mutants that do not find the place in the log where a time begins. */
import type { SeekTarget } from '../../contract/description.ts';
import { MqError } from '../../contract/errors.ts';
import { broken, type Mutant } from './mutant.ts';
import { clampedNumber } from './wrong-numbers.ts';

/** Records between two entries of an index that is not looked behind. */
const INDEX_STEP = 8;

export const timeMutants: readonly Mutant[] = [
  broken({
    name: 'later than, not at',
    stage: 4,
    bug: 'A seek to the time of a message finds the one after it.',
    killedBy: 'seek to a time finds the first message accepted at that time or later',
    instead: ({ seek }) => ({
      seek: (topic, options) => seek(topic, { ...options, to: shifted(options.to, 1) }),
    }),
  }),
  broken({
    name: 'no time after the last',
    stage: 4,
    bug: 'A seek to a time after the last message is refused instead of waiting for the next.',
    killedBy: 'a time before everything is the start of the log, one after everything its end',
    instead: ({ seek, describeTopics }) => ({
      seek: async (topic, options) => {
        const offset = await seek(topic, options);
        const [description] = await describeTopics({ topic });
        if (offset < (description?.logEndOffset ?? 0)) return offset;
        throw new MqError('MQ_OFFSET_OUT_OF_RANGE', 'there is no message at that time or later');
      },
    }),
  }),
  broken({
    name: 'the last of a millisecond',
    stage: 4,
    bug: 'Of messages accepted in the same millisecond a seek skips all but the last.',
    killedBy: 'of messages accepted in the same millisecond a seek finds the first',
    instead: ({ seek }) => ({
      seek: async (topic, options) => {
        const offset = (await seek(topic, { ...options, to: shifted(options.to, 1) })) - 1;
        return seek(topic, { ...options, to: { offset: Math.max(offset, 0) } });
      },
    }),
  }),
  broken({
    name: 'found and not gone to',
    stage: 4,
    bug: 'A seek to a time answers the right offset and leaves the group where it is.',
    killedBy: 'a seek to a time hands a queue group again what was accepted since, finished or not',
    instead: ({ seek, committed }) => ({
      seek: async (topic, options) => {
        const before = await committed(topic, options);
        const found = await seek(topic, options);
        await seek(topic, { ...options, to: { offset: before } });
        return found;
      },
    }),
  }),
  broken({
    name: 'every group from the start',
    stage: 4,
    bug: 'A group that was to start this morning begins with last year.',
    killedBy: 'a group that starts at a time sees what was accepted then and later',
    instead: ({ createGroup }) => ({
      createGroup: (topic, group, options) => createGroup(topic, group, { ...options, start: 'earliest' }),
    }),
  }),
  broken({
    name: 'the times of the first partition',
    stage: 4,
    bug: 'In every partition the place is found that a time has in the first.',
    killedBy: 'each partition has times of its own',
    instead: ({ seek }) => ({
      seek: async (topic, options) => {
        const { partition: _, ...first } = options;
        return seek(topic, first);
      },
    }),
  }),
  broken({
    name: 'any time is a time',
    stage: 4,
    bug: 'A seek to a time that is no number goes to the beginning.',
    killedBy: 'a time that is no whole number from 0 is refused',
    instead: ({ seek }) => ({
      seek: (topic, options) => {
        const { to } = options;
        const isTime = typeof to === 'object' && 'timestamp' in to;
        return seek(
          topic,
          isTime ? { ...options, to: { timestamp: clampedNumber(Number(to.timestamp), 0) } } : options,
        );
      },
    }),
  }),
  broken({
    name: 'near enough',
    stage: 4,
    bug: 'A seek to a time ends at the nearest entry of the index, some messages too early.',
    killedBy: 'whatever the times of the messages, a seek finds the first at or after the time, also after a restart',
    instead: ({ seek }) => ({
      seek: async (topic, options) => {
        const offset = await seek(topic, options);
        return seek(topic, { ...options, to: { offset: offset - (offset % INDEX_STEP) } });
      },
    }),
  }),
];

/** The same place, when it is a time: `ms` later. */
function shifted(to: SeekTarget, ms: number): SeekTarget {
  return typeof to === 'object' && 'timestamp' in to ? { timestamp: to.timestamp + ms } : to;
}
