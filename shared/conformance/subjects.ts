/**
 * The whole suite, in reading order: docs/guarantees.md is written from this list. A new subject is a file in
 * `subjects/` and a line here.
 */
import type { ConformanceTest, Subject } from './conformance-test.ts';
import { acks } from './subjects/acks.ts';
import { batches } from './subjects/batches.ts';
import { bodiesAndHeaders } from './subjects/bodies-and-headers.ts';
import { closing } from './subjects/closing.ts';
import { groups } from './subjects/groups.ts';
import { leases } from './subjects/leases.ts';
import { membership } from './subjects/membership.ts';
import { names } from './subjects/names.ts';
import { overflow } from './subjects/overflow.ts';
import { refusals } from './subjects/refusals.ts';
import { sendReceive } from './subjects/send-receive.ts';
import { topics } from './subjects/topics.ts';
import { waiting } from './subjects/waiting.ts';

export const SUBJECTS: readonly Subject[] = Object.freeze([
  { title: 'Sending and receiving', tests: sendReceive },
  { title: 'Bodies, headers, keys and ids', tests: bodiesAndHeaders },
  { title: 'Waiting for a message', tests: waiting },
  { title: 'A full topic', tests: overflow },
  { title: 'Batches', tests: batches },
  { title: 'Topics', tests: topics },
  { title: 'Groups', tests: groups },
  { title: 'Leases', tests: leases },
  { title: 'Acknowledging', tests: acks },
  { title: 'Members', tests: membership },
  { title: 'Names, numbers and options', tests: names },
  { title: 'What a broker cannot do', tests: refusals },
  { title: 'Closing and aborting', tests: closing },
]);

/** Every test of every subject; names are unique. */
export const ALL_TESTS: readonly ConformanceTest[] = Object.freeze(SUBJECTS.flatMap((subject) => subject.tests));
