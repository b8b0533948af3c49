/**
 * The numbers of topics and groups as columns of a table: those of every broker, and between them those that only a
 * broker with delays, expiry and dead letters has. Pure.
 */
import type { Broker } from '../shared/contract/broker.ts';
import type { Capability } from '../shared/contract/capabilities.ts';
import type { Counts } from '../shared/contract/description.ts';

interface Column {
  readonly title: string;
  readonly of: (counts: Counts) => number;
  /** Left out where the broker cannot do it: a column of zeros teaches nothing. */
  readonly capability?: Capability;
}

const MESSAGES: readonly Column[] = [
  { title: 'available', of: ({ availableCount }) => availableCount },
  { title: 'in flight', of: ({ inFlightCount }) => inFlightCount },
  { title: 'delayed', of: ({ delayedCount }) => delayedCount, capability: 'delay' },
  { title: 'redelivered', of: ({ redeliveredCount }) => redeliveredCount },
  { title: 'expired', of: ({ expiredCount }) => expiredCount, capability: 'ttl' },
  { title: 'dead', of: ({ deadCount }) => deadCount, capability: 'dead-letter' },
];
const LAG: Column = { title: 'lag', of: ({ lag }) => lag };
const PLACES: readonly Column[] = [
  { title: 'dropped', of: ({ droppedCount }) => droppedCount },
  LAG,
  { title: 'waiting', of: ({ waiterCount }) => waiterCount },
  { title: 'start', of: ({ logStartOffset }) => logStartOffset },
  { title: 'end', of: ({ logEndOffset }) => logEndOffset },
];

/** Titles, and the numbers below them. */
export interface CountColumns {
  readonly titles: readonly string[];
  numbersOf(counts: Counts): number[];
}

/** All numbers a topic and a group share. */
export function allColumns({ capabilities }: Pick<Broker, 'capabilities'>): CountColumns {
  return columnsOf([...MESSAGES, ...PLACES], capabilities);
}

/** What the list of groups shows beside where each of them stands. */
export function groupColumns({ capabilities }: Pick<Broker, 'capabilities'>): CountColumns {
  return columnsOf([...MESSAGES, LAG], capabilities);
}

function columnsOf(columns: readonly Column[], capabilities: ReadonlySet<Capability>): CountColumns {
  const shown = columns.filter(({ capability }) => capability === undefined || capabilities.has(capability));
  return {
    titles: shown.map(({ title }) => title),
    numbersOf: (counts) => shown.map(({ of }) => of(counts)),
  };
}
