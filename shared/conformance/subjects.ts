/**
 * The whole suite, in reading order: docs/guarantees.md is written from this list. A new subject is a file in
 * `subjects/` and a line here.
 */
import type { ConformanceTest, Subject } from './conformance-test.ts';
import { acks } from './subjects/acks.ts';
import { batches } from './subjects/batches.ts';
import { bodiesAndHeaders } from './subjects/bodies-and-headers.ts';
import { browsing } from './subjects/browsing.ts';
import { closing } from './subjects/closing.ts';
import { concurrency } from './subjects/concurrency.ts';
import { deadLetters } from './subjects/dead-letters.ts';
import { deduplication } from './subjects/deduplication.ts';
import { delays } from './subjects/delays.ts';
import { durability } from './subjects/durability.ts';
import { durableGroups } from './subjects/durable-groups.ts';
import { expiry } from './subjects/expiry.ts';
import { explaining } from './subjects/explaining.ts';
import { failing } from './subjects/failing.ts';
import { filters } from './subjects/filters.ts';
import { groupModes } from './subjects/group-modes.ts';
import { groups } from './subjects/groups.ts';
import { halfChecks } from './subjects/half-checks.ts';
import { halfMessages } from './subjects/half-messages.ts';
import { isolation } from './subjects/isolation.ts';
import { keyOrder } from './subjects/key-order.ts';
import { leases } from './subjects/leases.ts';
import { logReading } from './subjects/log-reading.ts';
import { lookingUp } from './subjects/looking-up.ts';
import { manyTransactions } from './subjects/many-transactions.ts';
import { membership } from './subjects/membership.ts';
import { namePatterns } from './subjects/name-patterns.ts';
import { namedProducers } from './subjects/named-producers.ts';
import { names } from './subjects/names.ts';
import { numberedSends } from './subjects/numbered-sends.ts';
import { overflow } from './subjects/overflow.ts';
import { partitionGroups } from './subjects/partition-groups.ts';
import { partitions } from './subjects/partitions.ts';
import { pausing } from './subjects/pausing.ts';
import { priorities } from './subjects/priorities.ts';
import { properties } from './subjects/properties.ts';
import { pushing } from './subjects/pushing.ts';
import { rawBatches } from './subjects/raw-batches.ts';
import { redriving } from './subjects/redriving.ts';
import { refusals } from './subjects/refusals.ts';
import { retention } from './subjects/retention.ts';
import { retrying } from './subjects/retrying.ts';
import { seeking } from './subjects/seeking.ts';
import { selectors } from './subjects/selectors.ts';
import { sendReceive } from './subjects/send-receive.ts';
import { timeIndex } from './subjects/time-index.ts';
import { topics } from './subjects/topics.ts';
import { transactionAcks } from './subjects/transaction-acks.ts';
import { transactionEnds } from './subjects/transaction-ends.ts';
import { transactionOwners } from './subjects/transaction-owners.ts';
import { transactionRestarts } from './subjects/transaction-restarts.ts';
import { transactions } from './subjects/transactions.ts';
import { waiting } from './subjects/waiting.ts';

/** The whole suite, by subject. */
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
  { title: 'Reading by offset', tests: logReading },
  { title: 'Seeking, and falling behind', tests: seeking },
  { title: 'Browsing', tests: browsing },
  { title: 'Many at once', tests: concurrency },
  { title: 'Whatever the order', tests: properties },
  { title: 'Names, numbers and options', tests: names },
  { title: 'What a broker cannot do', tests: refusals },
  { title: 'Closing and aborting', tests: closing },
  { title: 'Surviving a restart', tests: durability },
  { title: 'Groups that survive a restart', tests: durableGroups },
  { title: 'Keeping and deleting', tests: retention },
  { title: 'Partitions', tests: partitions },
  { title: 'Groups over partitions', tests: partitionGroups },
  { title: 'Delays', tests: delays },
  { title: 'Waiting after a failure', tests: retrying },
  { title: 'Failing for good', tests: failing },
  { title: 'Dead letters', tests: deadLetters },
  { title: 'Bringing dead letters back', tests: redriving },
  { title: 'Expiry', tests: expiry },
  { title: 'Priorities', tests: priorities },
  { title: 'Modes of groups', tests: groupModes },
  { title: 'Order by key', tests: keyOrder },
  { title: 'Pausing', tests: pausing },
  { title: 'Finding a time', tests: timeIndex },
  { title: 'Pushing', tests: pushing },
  { title: 'Batches as bytes', tests: rawBatches },
  { title: 'Explaining one message', tests: explaining },
  { title: 'Sending again', tests: deduplication },
  { title: 'Numbered sends', tests: numberedSends },
  { title: 'Producers that stay', tests: namedProducers },
  { title: 'Transactions', tests: transactions },
  { title: 'What readers see of transactions', tests: isolation },
  { title: 'Acks in transactions', tests: transactionAcks },
  { title: 'The end of a transaction', tests: transactionEnds },
  { title: 'Owners of transactions', tests: transactionOwners },
  { title: 'Transactions and restarts', tests: transactionRestarts },
  { title: 'Many transactions at once', tests: manyTransactions },
  { title: 'Half messages', tests: halfMessages },
  { title: 'Asking about half messages', tests: halfChecks },
  { title: 'Filters', tests: filters },
  { title: 'Selectors', tests: selectors },
  { title: 'Patterns of names', tests: namePatterns },
  { title: 'Looking up, and replying', tests: lookingUp },
]);

/** Every test of every subject; names are unique. */
export const ALL_TESTS: readonly ConformanceTest[] = Object.freeze(SUBJECTS.flatMap((subject) => subject.tests));
