/**
 * Names of producers: which id a name has, and which of its epochs is in force.
 *
 *     'billing' -> id 5, epoch 3     id 5, epoch 2: fenced     after the last epoch: id 9, epoch 0, and 5 stays fenced
 *
 * Always true: the epochs of an id only rise (I1), and older ones may not send (I3); at most `namesMax` names are
 * remembered, and the one that was not opened for longest goes first; the same records in the same order lead to the same
 * names. Pure. ProducerIds keeps it on the disk.
 */
import { MqError } from '../../../shared/contract/errors.ts';
import { EPOCH_MAX, type ProducerIdentity } from '../../../shared/contract/producer.ts';

/** What the disk has of a name: it may have been opened with epochs up to this one. */
export interface NameRecord extends ProducerIdentity {
  readonly name: string;
  /** Ids it had before, whose epochs are used up. */
  readonly fencedIds: readonly number[];
}

interface Name {
  producerId: number;
  epoch: number;
  /** Up to here a start knows of. */
  recordedEpoch: number;
  fencedIds: readonly number[];
}

export class NamedProducers {
  readonly #namesMax: number;
  /** The one that was not opened for longest first. */
  readonly #names = new Map<string, Name>();
  /** Fenced ids too. */
  readonly #byId = new Map<number, Name>();

  constructor(namesMax: number) {
    this.#namesMax = namesMax;
  }

  get size(): number {
    return this.#names.size;
  }

  /**
   * The next epoch of a name. `record` is what has to be on the disk before anybody is told; undefined when that has this
   * epoch already, since `epochsAhead` more were recorded with one before.
   */
  open(
    name: string,
    { newProducerId, epochsAhead }: { readonly newProducerId: () => number; readonly epochsAhead: number },
  ): { readonly identity: ProducerIdentity; readonly record: NameRecord | undefined } {
    const { producerId, epoch, recordedEpoch, fencedIds } = this.#next(name, newProducerId);
    const isRecorded = epoch <= recordedEpoch;
    const lastEpoch = isRecorded ? recordedEpoch : Math.min(epoch + epochsAhead, EPOCH_MAX);
    this.#set(name, { producerId, epoch, recordedEpoch: lastEpoch, fencedIds });
    const record = isRecorded ? undefined : { name, producerId, epoch: lastEpoch, fencedIds };
    return { identity: { producerId, epoch }, record };
  }

  /** The last record of the name did not reach the disk: the next open makes another. */
  noteFailed(name: string): void {
    const known = this.#names.get(name);
    if (known !== undefined) known.recordedEpoch = -1;
  }

  /** At a start, in the order in which they were written. */
  replay({ name, producerId, epoch, fencedIds }: NameRecord): void {
    this.#set(name, { producerId, epoch, recordedEpoch: epoch, fencedIds });
  }

  /** Throws for an identity that is not in force: `MQ_PRODUCER_FENCED`, or `MQ_UNKNOWN_PRODUCER` when it is nobody's. */
  check(identity: ProducerIdentity): void {
    const { producerId, epoch } = identity;
    const name = this.#byId.get(producerId);
    if (name === undefined) throw nobodyError(identity);
    const lastEpoch = name.producerId === producerId ? name.epoch : EPOCH_MAX + 1;
    if (epoch > lastEpoch) throw nobodyError(identity);
    if (epoch === lastEpoch) return;
    throw new MqError('MQ_PRODUCER_FENCED', `producer ${producerId} with epoch ${epoch} has a newer owner`);
  }

  /** Everything, for a log that is written anew. */
  *records(): Generator<NameRecord> {
    for (const [name, { producerId, epoch, recordedEpoch, fencedIds }] of this.#names) {
      yield { name, producerId, epoch: Math.max(epoch, recordedEpoch), fencedIds };
    }
  }

  #next(name: string, newProducerId: () => number): Name {
    const known = this.#names.get(name);
    if (known === undefined) return { producerId: newProducerId(), epoch: 0, recordedEpoch: -1, fencedIds: [] };
    if (known.epoch < EPOCH_MAX) return { ...known, epoch: known.epoch + 1 };
    const fencedIds = [...known.fencedIds, known.producerId];
    return { producerId: newProducerId(), epoch: 0, recordedEpoch: -1, fencedIds };
  }

  #set(name: string, next: Name): void {
    this.#forget(name);
    this.#names.set(name, next);
    for (const producerId of [next.producerId, ...next.fencedIds]) this.#byId.set(producerId, next);
    for (const oldest of this.#names.keys()) {
      if (this.#names.size <= this.#namesMax) return;
      this.#forget(oldest);
    }
  }

  #forget(name: string): void {
    const known = this.#names.get(name);
    if (known === undefined) return;
    this.#names.delete(name);
    for (const producerId of [known.producerId, ...known.fencedIds]) this.#byId.delete(producerId);
  }
}

export function nobodyError({ producerId, epoch }: ProducerIdentity): MqError {
  return new MqError('MQ_UNKNOWN_PRODUCER', `nobody has producer ${producerId} with epoch ${epoch}`);
}
