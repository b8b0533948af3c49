/**
 * What each operation of the contract asks of a principal: the one table that says who may do what.
 *
 * Always true (I21): every operation has a row, also one that the contract gets later: without it this file does not
 * compile. `permitted-broker.ts` does what it says.
 */
import type { Verb } from './access.ts';
import type { Operation } from './broker-view.ts';

export type OperationRule =
  /**
   * The first argument is a topic on which one of the verbs is allowed. What asks for `consume` and names a group asks, too,
   * whether that is another principal's own.
   */
  | { readonly asks: 'topic'; readonly verbs: readonly Verb[] }
  /** The first argument is a delivery, or a list of some; one of the verbs is allowed on the topic of each. */
  | { readonly asks: 'deliveries'; readonly verbs: readonly Verb[] }
  /** It has code of its own, for the reason given. */
  | { readonly asks: 'more'; readonly why: string }
  /** For everybody who was let in. */
  | { readonly asks: 'nothing'; readonly why: string };

const topic = (...verbs: readonly Verb[]): OperationRule => ({ asks: 'topic', verbs });
const deliveries = (...verbs: readonly Verb[]): OperationRule => ({ asks: 'deliveries', verbs });
const more = (why: string): OperationRule => ({ asks: 'more', why });
const nothing = (why: string): OperationRule => ({ asks: 'nothing', why });

export const RULES: { readonly [Name in Operation]: OperationRule } = {
  createTopic: topic('manage'),
  deleteTopic: topic('manage'),
  describeTopics: more('names only what may be seen; groups are for who may do more than publish'),

  createGroup: topic('consume', 'manage'),
  deleteGroup: more('manage; of a group that is its own, consume'),

  send: more('publish; the producer it names must not be another principal’s'),
  sendBatch: more('like send'),
  appendBatch: more('like send'),

  receive: topic('consume'),
  receiveBatches: topic('consume'),
  ack: deliveries('consume'),
  nack: deliveries('consume'),
  extendLease: deliveries('consume'),
  leave: topic('consume'),
  subscribe: more('consume; of a pattern, on every topic it can ever cover'),

  browse: topic('browse', 'consume'),
  fetch: topic('browse', 'consume'),
  fetchBatches: topic('browse', 'consume'),
  lookup: topic('browse', 'consume'),
  inspect: topic('browse', 'consume'),
  explain: topic('browse', 'consume', 'manage'),

  commit: topic('consume'),
  committed: topic('browse', 'consume'),
  seek: topic('consume', 'manage'),

  pause: topic('manage'),
  resume: topic('manage'),
  redrive: topic('manage'),
  dropDeadLetters: topic('manage'),

  openProducer: more('the name is the principal’s own'),
  begin: more('the name is the principal’s own; each call of the transaction asks for itself'),
  findTransaction: more('only the principal’s own; how one ended may be told'),
  sendHalf: more('publish; the producer group is the principal’s own'),
  endHalf: more('publish; the half message must not be another principal’s'),
  receiveHalfChecks: more('the producer group is the principal’s own'),
  createTemporaryTopic: more('it is then the principal’s own: others may only publish to it'),

  health: nothing('it names no topic'),
  metrics: more('only series of topics that may be seen'),
  close: nothing('it closes nothing'),
};
