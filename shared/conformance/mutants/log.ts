/** Mutants of reading by offset: positions that move by themselves, back, for others, or off by one. */
import { isMqError, MqError } from '../../contract/errors.ts';
import type { StoredRecord } from '../../contract/message.ts';
import { broken, type Mutant } from './mutant.ts';

export const logMutants: readonly Mutant[] = [
  broken({
    name: 'a slot off by one',
    stage: 2,
    bug: 'When the ring begins its second lap the reader gets the record of the neighbouring slot.',
    killedBy: 'a topic of few slots keeps counting offsets however often its slots are used again',
    instead: ({ fetch, describeTopics }) => ({
      fetch: async (topic, options) => {
        const [description] = await describeTopics({ topic });
        const result = await fetch(topic, options);
        const slotCount = description?.options.messagesMax ?? 1;
        const slots: StoredRecord[] = [];
        const { records } = await fetch(topic, { offset: result.logStartOffset, max: slotCount });
        for (const record of records) slots[(record.offset ?? 0) % slotCount] = record;
        const slotOf = (offset: number): number => offset % (offset < slotCount ? slotCount : slotCount - 1);
        return { ...result, records: result.records.map((each) => slots[slotOf(each.offset ?? 0)] ?? each) };
      },
    }),
  }),
  broken({
    name: 'reading takes away',
    stage: 2,
    bug: 'A record can be read once; the second reader gets the next.',
    killedBy: 'fetching consumes nothing: the same offset gives the same record again',
    instead: ({ fetch }) => {
      const readUpTo = new Map<string, number>();
      return {
        fetch: async (topic, options) => {
          const offset = Math.max(options?.offset ?? 0, readUpTo.get(topic) ?? 0);
          const result = await fetch(topic, { ...options, offset });
          readUpTo.set(topic, result.nextOffset);
          return result;
        },
      };
    },
  }),
  broken({
    name: 'nextOffset is the last one read',
    stage: 2,
    bug: 'A reader that goes on where it was told gets the last record of each page twice.',
    killedBy: 'fetch answers the records from an offset on, in order',
    instead: ({ fetch }) => ({
      fetch: async (...args) => {
        const result = await fetch(...args);
        return { ...result, nextOffset: result.records.at(-1)?.offset ?? result.nextOffset };
      },
    }),
  }),
  broken({
    name: 'the end is out of range',
    stage: 2,
    bug: 'A reader that has read everything gets an error instead of an empty answer.',
    killedBy: 'a fetch at the end of the log is an empty answer',
    instead: ({ fetch }) => ({
      fetch: async (topic, options) => {
        const result = await fetch(topic, options);
        if (result.records.length === 0) await fetch(topic, { ...options, offset: result.highWatermark + 1 });
        return result;
      },
    }),
  }),
  broken({
    name: 'one record wakes one reader',
    stage: 2,
    bug: 'Of five readers that wait at the end only one gets the new record, and the others are woken for nothing.',
    killedBy: 'one record wakes every waiting fetch',
    instead: ({ fetch }) => {
      let isTaken = false;
      return {
        fetch: async (topic, options) => {
          const result = await fetch(topic, options);
          if (isTaken) return { ...result, records: [] };
          isTaken = true;
          return result;
        },
      };
    },
  }),
  broken({
    name: 'an offset beyond the end waits',
    stage: 2,
    bug: 'A reader with an offset from another topic waits for ever instead of being told.',
    killedBy: 'an offset beyond the end is MQ_OFFSET_OUT_OF_RANGE with the valid range',
    instead: ({ fetch }) => ({
      fetch: (...args) =>
        fetch(...args).catch((error: unknown) => {
          if (!isMqError(error, 'MQ_OFFSET_OUT_OF_RANGE')) throw error;
          return new Promise(() => undefined);
        }),
    }),
  }),
  broken({
    name: 'a record larger than bytesMax is left out',
    stage: 2,
    bug: 'A reader with a small bytesMax stands before a large record and reads nothing any more.',
    killedBy: 'bytesMax ends a fetch early but never below one record',
    instead: ({ fetch }) => ({
      fetch: async (topic, { bytesMax = Number.MAX_SAFE_INTEGER, ...options } = {}) => {
        const result = await fetch(topic, options);
        let bytes = 0;
        const fits = ({ body }: StoredRecord): boolean => {
          bytes += body.length;
          return bytes <= bytesMax;
        };
        return { ...result, records: result.records.filter(fits) };
      },
    }),
  }),
  broken({
    name: 'commit adds what was fetched',
    stage: 2,
    bug: 'A reader fetches the same record twice, commits once, and one record is never read.',
    killedBy: 'fetching twice and committing once skips nothing',
    instead: ({ fetch, commit }) => {
      let fetchedCount = 0;
      return {
        fetch: async (...args) => {
          const result = await fetch(...args);
          fetchedCount += result.records.length;
          return result;
        },
        commit: (topic, options) => commit(topic, { ...options, offset: fetchedCount }),
      };
    },
  }),
  broken({
    name: 'fetching commits',
    stage: 2,
    bug: 'A reader dies between reading and working, and what it read counts as done.',
    killedBy: 'fetching moves no committed offset',
    instead: ({ fetch, commit }) => {
      let group = '';
      return {
        fetch: async (topic, options) => {
          const result = await fetch(topic, options);
          await commit(topic, { group, offset: result.nextOffset });
          return result;
        },
        commit: (topic, options) => {
          group = options.group;
          return commit(topic, options);
        },
      };
    },
  }),
  broken({
    name: 'a late commit moves back',
    stage: 2,
    bug: 'Two members commit, the slower one last, and everything in between is read again.',
    killedBy: 'a committed offset is the next to read and never moves back by a commit',
    instead: ({ commit, seek }) => ({
      commit: async (topic, options) => {
        await commit(topic, options);
        return seek(topic, { group: options.group, to: { offset: options.offset } });
      },
    }),
  }),
  broken({
    name: 'one position for all log groups',
    stage: 2,
    bug: 'A report that reads everything moves the position of the program that sends the invoices.',
    killedBy: 'two log groups of one topic have positions of their own',
    instead: ({ commit, committed }) => ({
      commit: (topic, options) => commit(topic, { ...options, group: 'all' }),
      committed: (topic, options) => committed(topic, { ...options, group: 'all' }),
    }),
  }),
  broken({
    name: 'asking for a position makes a group',
    stage: 2,
    bug: 'A misspelt group has a position, zero, and keeps every record from being reclaimed.',
    killedBy: 'the position of a group that does not exist is MQ_UNKNOWN_GROUP',
    instead: ({ committed }) => ({
      committed: (...args) =>
        committed(...args).catch((error: unknown) => {
          if (!isMqError(error, 'MQ_UNKNOWN_GROUP')) throw error;
          return 0;
        }),
    }),
  }),
  broken({
    name: 'a record without its key',
    stage: 2,
    bug: 'A message has its key when it is received and none when it is fetched.',
    killedBy: 'a record carries key, id, headers and timestamp of its message',
    instead: ({ fetch }) => ({
      fetch: async (...args) => {
        const result = await fetch(...args);
        return { ...result, records: result.records.map(({ key: _, ...record }) => record) };
      },
    }),
  }),
  broken({
    name: 'a fetch that never waits',
    stage: 2,
    bug: 'A reader at the end of the log is answered at once, and asks again a thousand times a second.',
    killedBy: 'a fetch that waits at the end wakes as soon as a record exists',
    instead: ({ fetch }) => ({ fetch: (topic, options) => fetch(topic, { ...options, waitMs: 0 }) }),
  }),
  broken({
    name: 'reading in vain is an error',
    stage: 2,
    bug: 'A reader at the end of the log gets an error each time its waiting is over.',
    killedBy: 'a fetch that waits in vain answers empty when its time is over, and one that is aborted is refused',
    instead: ({ fetch }) => ({
      fetch: async (topic, options) => {
        const result = await fetch(topic, options);
        if (result.records.length > 0 || !options?.waitMs) return result;
        throw new MqError('MQ_INTERNAL', 'timed out');
      },
    }),
  }),
  broken({
    name: 'offsets bent into range',
    stage: 2,
    bug: 'A reader asks for offset -1, which its language calls the last, and gets the first.',
    killedBy: 'an offset that is no whole number from 0 is refused',
    instead: ({ fetch }) => ({
      fetch: (topic, options) => fetch(topic, { ...options, offset: Math.max(options?.offset ?? 0, 0) }),
    }),
  }),
];
