/** All mutants, by subject. A new subject is a file in this folder and a line here. */
import { ackMutants } from './acks.ts';
import { batchMutants } from './batches.ts';
import { closingMutants } from './closing.ts';
import { concurrencyMutants } from './concurrency.ts';
import { deadLetterMutants } from './dead-letters.ts';
import { deduplicationMutants } from './deduplication.ts';
import { delayMutants } from './delays.ts';
import { durabilityMutants } from './durability.ts';
import { expiryMutants } from './expiry.ts';
import { explainingMutants } from './explaining.ts';
import { failureMutants } from './failures.ts';
import { filterMutants } from './filters.ts';
import { groupMutants } from './groups.ts';
import { halfCheckMutants } from './half-checks.ts';
import { halfMessageMutants } from './half-messages.ts';
import { httpDoorMutants } from './http-door.ts';
import { isolationMutants } from './isolation.ts';
import { leaseMutants } from './leases.ts';
import { logMutants } from './log.ts';
import { manyTransactionMutants } from './many-transactions.ts';
import { memberMutants } from './members.ts';
import { memoryMutants } from './memory.ts';
import { modeMutants } from './modes.ts';
import type { Mutant } from './mutant.ts';
import { namePatternMutants } from './name-patterns.ts';
import { nameMutants } from './names.ts';
import { numberedSendMutants } from './numbered-sends.ts';
import { overflowMutants } from './overflow.ts';
import { partitionMutants } from './partitions.ts';
import { pausingMutants } from './pausing.ts';
import { priorityMutants } from './priorities.ts';
import { pushingMutants } from './pushing.ts';
import { rawBatchMutants } from './raw-batches.ts';
import { receivingMutants } from './receiving.ts';
import { recordMutants } from './records.ts';
import { retentionMutants } from './retention.ts';
import { seekingMutants } from './seeking.ts';
import { timeMutants } from './times.ts';
import { topicMutants } from './topics.ts';
import { transactionAckMutants } from './transaction-acks.ts';
import { transactionEndMutants } from './transaction-ends.ts';
import { transactionMutants } from './transactions.ts';
import { waitingMutants } from './waiting.ts';

export const ALL_MUTANTS: readonly Mutant[] = Object.freeze([
  ...recordMutants,
  ...receivingMutants,
  ...waitingMutants,
  ...overflowMutants,
  ...batchMutants,
  ...memoryMutants,
  ...topicMutants,
  ...nameMutants,
  ...closingMutants,
  ...groupMutants,
  ...memberMutants,
  ...leaseMutants,
  ...ackMutants,
  ...logMutants,
  ...seekingMutants,
  ...concurrencyMutants,
  ...httpDoorMutants,
  ...durabilityMutants,
  ...retentionMutants,
  ...partitionMutants,
  ...delayMutants,
  ...failureMutants,
  ...deadLetterMutants,
  ...expiryMutants,
  ...priorityMutants,
  ...modeMutants,
  ...pausingMutants,
  ...timeMutants,
  ...pushingMutants,
  ...rawBatchMutants,
  ...explainingMutants,
  ...deduplicationMutants,
  ...halfMessageMutants,
  ...halfCheckMutants,
  ...numberedSendMutants,
  ...transactionMutants,
  ...isolationMutants,
  ...transactionAckMutants,
  ...transactionEndMutants,
  ...filterMutants,
  ...namePatternMutants,
  ...manyTransactionMutants,
]);
