/**
 * Capability `idempotence`: a producer that numbers what it sends, so that sending it again stores nothing twice.
 *
 *     openProducer -> { producerId: 7, epoch: 0 }
 *     send to partition 0:   sequence 0 | 1 | 2 2 | 3        the second 2 is answered with the offset of the first
 *     send to partition 1:   sequence 0 | 1                  each partition of each topic counts by itself
 */

/** Of `openProducer`. */
export interface ProducerOptions {
  /**
   * A name that its owner keeps over restarts: opening again under it gives the same producerId and the next epoch, and
   * whoever still sends with an older epoch is refused with `MQ_PRODUCER_FENCED`. Default: a new producerId, for nobody else.
   */
  readonly name?: string;
}

/** Who sends; made by `openProducer`, never given twice. */
export interface ProducerIdentity {
  /** 0 to 2^53 - 1. */
  readonly producerId: number;
  /** 0 to 32,767. */
  readonly epoch: number;
}

/**
 * On a send: who sends, and the number of its first message. The first of a producer in a partition (and in each new
 * epoch) is 0, the next call goes on where the last ended, and after 2,147,483,647 comes 0. The partition has to be known
 * before the call: given, or by the keys, or there is only one. Delayed messages have no place yet, and cannot be numbered
 * (`MQ_INVALID_ARGUMENT`). A call that a topic knows by its ids (`dedupWindowMs`) and not by its number takes no number.
 *
 *     sequence is ...                        answer
 *     the next one                           stored
 *     that of one of the last 5 calls        the receipt of that call, `isDuplicate: true`; nothing is stored
 *     older than those                       MQ_SEQUENCE_TOO_OLD
 *     further on                             MQ_SEQUENCE_GAP: something before it never came
 *     not 0, of a producer not known         MQ_UNKNOWN_PRODUCER: it was silent for too long; open it again
 */
export interface ProducerStamp extends ProducerIdentity {
  readonly sequence: number;
}

/** After this sequence comes 0. */
export const SEQUENCE_MAX = 2_147_483_647;
/** After this epoch a name gets a new producerId. */
export const EPOCH_MAX = 32_767;
/** So many of the last calls of a producer, in each partition, can be repeated. */
export const CALLS_REMEMBERED_COUNT = 5;
