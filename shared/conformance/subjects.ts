/**
 * The whole suite, in reading order: docs/guarantees.md is written from this list. A new subject is a file in
 * `subjects/` and a line here.
 */
import type { ConformanceTest, Subject } from './conformance-test.ts';
import { sendReceive } from './subjects/send-receive.ts';

export const SUBJECTS: readonly Subject[] = Object.freeze([{ title: 'Sending and receiving', tests: sendReceive }]);

/** Every test of every subject; names are unique. */
export const ALL_TESTS: readonly ConformanceTest[] = Object.freeze(SUBJECTS.flatMap((subject) => subject.tests));
