/**
 * The ids of the producers of a broker that is being opened: topics come first, and already want to know whom to ask.
 *
 *     const producers = new ProducersOpening();
 *     const parts = await openParts({ ..., closeOthers: producers.close });
 *     await producers.open(parts, dataFolder);
 *
 * Always true: nobody sends before `open` has resolved. Only the composition of the broker uses it.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { ProducerIdentity } from '../../../shared/contract/producer.ts';
import type { BrokerParts } from '../../4-persisted-log/broker-parts.ts';
import { ProducerIds } from './producer-ids.ts';

/** In the data folder. */
export const PRODUCERS_FOLDER = 'producers';
/** Names of producers, and of owners of transactions, that are remembered; beyond it the one silent for longest goes. */
const NAMES_MAX = 100_000;

export class ProducersOpening {
  #ids: ProducerIds | undefined;

  /** Throws for a producer that may not send (any more). */
  readonly check = (identity: ProducerIdentity): void => {
    assert(this.#ids !== undefined, 'whoever sends comes when all is open');
    this.#ids.check(identity);
  };

  /** After the topics. Resolves when everything is on the disk and closed. */
  readonly close = async (): Promise<void> => {
    await this.#ids?.close();
  };

  /** The topics are open, and with them the folder is ours. */
  async open({ settings, clock }: BrokerParts, dataFolder: string): Promise<ProducerIds> {
    const { disk, sideCache: cache, onNotice } = settings;
    const folder = join(dataFolder, PRODUCERS_FOLDER);
    this.#ids = await ProducerIds.open({ disk, clock, cache, onNotice, folder, wasClean: false, namesMax: NAMES_MAX });
    return this.#ids;
  }
}
