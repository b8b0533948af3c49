/**
 * Ways to use a broker, and how often each wants a message to be worked on. What a broker gives is not a matter of the
 * broker alone: who notes, repeats and acknowledges when decides with it.
 */

/**
 * How a producer sends, and when it notes a message as sent:
 *
 *     once        notes, then sends once
 *     repeated    sends until it is answered, then notes
 *     numbered    the same, each message under a number that it has noted with it
 *     half        sends half, notes, then commits; answers questions by its notes
 */
export type Sending = 'once' | 'repeated' | 'numbered' | 'half';

/**
 * How a consumer finishes a message:
 *
 *     acked first      acknowledges, then works
 *     acked after      works, then acknowledges
 *     remembered       works and keeps the id with its work, then acknowledges; what it has the id of it skips
 *     transacted       its work is a message, which it sends and acknowledges in one transaction
 */
export type Working = 'acked first' | 'acked after' | 'remembered' | 'transacted';

export interface Usage {
  readonly name: string;
  readonly producer: string;
  readonly consumer: string;
  /** How often each message may be worked on. */
  readonly wanted: { readonly min: number; readonly max: number };
  readonly sending: Sending;
  readonly working: Working;
  /** True: the broker compares the ids of messages. */
  readonly isDeduplicated?: boolean;
}

const ONCE = { min: 1, max: 1 };
const WORKS_FIRST = 'works, then acknowledges';
const TRANSACTED = 'sends what it makes of it and acknowledges, in one transaction';

/** Those that any broker with leases can be asked for. */
export const USAGES: readonly Usage[] = Object.freeze([
  {
    name: 'at most once',
    producer: 'notes the message as sent, then sends it, and never again',
    consumer: 'acknowledges, then works if that was answered',
    wanted: { min: 0, max: 1 },
    sending: 'once',
    working: 'acked first',
  },
  {
    name: 'at least once',
    producer: 'sends until it is answered, then notes the message as sent',
    consumer: WORKS_FIRST,
    wanted: { min: 1, max: Number.POSITIVE_INFINITY },
    sending: 'repeated',
    working: 'acked after',
  },
  {
    name: 'exactly once',
    producer: 'the same, under one id',
    consumer: WORKS_FIRST,
    wanted: ONCE,
    sending: 'repeated',
    working: 'acked after',
  },
  {
    name: 'exactly once in effect',
    producer: 'the same, under one id',
    consumer: 'works and keeps the id with its work, then acknowledges; skips what it has the id of',
    wanted: ONCE,
    sending: 'repeated',
    working: 'remembered',
  },
]);

/** Those that need a broker which knows a message again, and acknowledges together with what was made of it. */
export const EXACT_USAGES: readonly Usage[] = Object.freeze([
  {
    name: 'exactly once into the topic, and no further',
    producer: 'sends under a number it has noted until it is answered, then notes the message as sent',
    consumer: WORKS_FIRST,
    wanted: ONCE,
    sending: 'numbered',
    working: 'acked after',
  },
  {
    name: 'exactly once out of the topic, and not into it',
    producer: 'sends until it is answered, then notes the message as sent',
    consumer: TRANSACTED,
    wanted: ONCE,
    sending: 'repeated',
    working: 'transacted',
  },
  {
    name: 'exactly once by numbers',
    producer: 'sends under a number it has noted until it is answered, then notes the message as sent',
    consumer: TRANSACTED,
    wanted: ONCE,
    sending: 'numbered',
    working: 'transacted',
  },
  {
    name: 'exactly once by ids',
    producer: 'sends until it is answered, under one id, to a topic with a window of ids',
    consumer: TRANSACTED,
    wanted: ONCE,
    sending: 'repeated',
    working: 'transacted',
    isDeduplicated: true,
  },
  {
    name: 'exactly once by half messages',
    producer: 'sends a half message, notes it with its own work, commits it; answers questions by its notes',
    consumer: TRANSACTED,
    wanted: ONCE,
    sending: 'half',
    working: 'transacted',
  },
  {
    name: 'exactly once in effect, by an inbox',
    producer: 'sends a half message, notes it with its own work, commits it; answers questions by its notes',
    consumer: 'works and keeps the id with its work, then acknowledges; skips what it has the id of',
    wanted: ONCE,
    sending: 'half',
    working: 'remembered',
  },
]);
