/**
 * Ways to use a broker, and how often each wants a message to be worked on. What a broker gives is not a matter of the
 * broker alone: who notes, repeats and acknowledges when decides with it.
 */

export interface Usage {
  readonly name: string;
  readonly producer: string;
  readonly consumer: string;
  /** How often each message may be worked on. */
  readonly wanted: { readonly min: number; readonly max: number };
  /** True: noted as sent, then sent once. False: sent until it is answered, then noted. */
  readonly isNotedFirst: boolean;
  /** True: acknowledged, then worked on. False: worked on, then acknowledged. */
  readonly isAckedFirst: boolean;
  /** True: what was worked on is kept under its id together with the work, and not done again. */
  readonly remembersIds: boolean;
}

const ONCE = { min: 1, max: 1 };

export const USAGES: readonly Usage[] = Object.freeze([
  {
    name: 'at most once',
    producer: 'notes the message as sent, then sends it, and never again',
    consumer: 'acknowledges, then works if that was answered',
    wanted: { min: 0, max: 1 },
    isNotedFirst: true,
    isAckedFirst: true,
    remembersIds: false,
  },
  {
    name: 'at least once',
    producer: 'sends until it is answered, then notes the message as sent',
    consumer: 'works, then acknowledges',
    wanted: { min: 1, max: Number.POSITIVE_INFINITY },
    isNotedFirst: false,
    isAckedFirst: false,
    remembersIds: false,
  },
  {
    name: 'exactly once',
    producer: 'the same, under one id',
    consumer: 'works, then acknowledges',
    wanted: ONCE,
    isNotedFirst: false,
    isAckedFirst: false,
    remembersIds: false,
  },
  {
    name: 'exactly once in effect',
    producer: 'the same, under one id',
    consumer: 'works and keeps the id with its work, then acknowledges; skips what it has the id of',
    wanted: ONCE,
    isNotedFirst: false,
    isAckedFirst: false,
    remembersIds: true,
  },
]);
