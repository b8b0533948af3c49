/**
 * How transactions end in the topic on the screen, told when the broker shows it: one that was open is there no more, and its
 * marker is.
 *
 *     looked: 7-3 open      looked again: 7-3 is gone, a marker of 7-3 at #50      "aborted at #50: 4 records nobody gets"
 *
 * Always true: nothing is told that was not seen in the inside of the broker; one whose marker is not in sight is let go.
 */
import type { LogView, MarkerView, TransactionView } from '../../shared/contract/inside.ts';
import type { Observer } from './actor.ts';
import { shortId } from './producer-transaction.ts';

export class TransactionWatch {
  #open: readonly TransactionView[] = [];

  sample(observer: Pick<Observer, 'tell'>, view: LogView): void {
    const open = view.transactions ?? [];
    const markers = view.partitions.flatMap((partition) => partition.markers ?? []);
    for (const one of this.#open) {
      if (open.some(({ id }) => id === one.id)) continue;
      const marker = markers.findLast((other) => isOf(other, one));
      if (marker === undefined) continue;
      const told = { id: shortId(one.id), offset: marker.offset, count: one.recordCount };
      observer.tell(marker.outcome === 'committed' ? 'good' : 'warn', `event.marker.${marker.outcome}`, told);
    }
    this.#open = open;
  }
}

function isOf(marker: MarkerView, { producerId, epoch }: TransactionView): boolean {
  return marker.producerId === producerId && marker.epoch === epoch;
}
