/**
 * Deliveries that were not the first of their message: gathered as they come, told together with the next sample, since
 * those of one receive are one event.
 */
import type { Delivery } from '../../shared/contract/message.ts';
import { type Observer, offsetsText } from './actor.ts';
import type { CameBack } from './crash-watch.ts';
import { secondsText } from './numbers.ts';

/** `back` when a consumer had crashed with it. */
interface Again {
  readonly delivery: Delivery;
  readonly by: string;
  readonly back: CameBack | undefined;
}

export class AgainWatch {
  #again: Again[] = [];

  delivered(again: Again): void {
    if (again.back !== undefined || again.delivery.redeliveryReason !== undefined) this.#again.push(again);
  }

  tellTo(observer: Pick<Observer, 'tell'>): void {
    const together = Map.groupBy(this.#again, ({ delivery, by, back }) =>
      [by, delivery.group, delivery.deliveryCount, delivery.redeliveryReason, back?.holder].join(),
    );
    this.#again = [];
    for (const [first, ...more] of together.values()) {
      if (first === undefined) continue;
      const { by, back, delivery } = first;
      const told = {
        offsets: offsetsText([first, ...more].map((again) => again.delivery)),
        by,
        count: delivery.deliveryCount,
      };
      if (back !== undefined) {
        observer.tell('good', 'event.cameBack', { ...told, holder: back.holder, after: secondsText(back.afterMs) });
      } else if (delivery.redeliveryReason !== undefined) {
        observer.tell('warn', `event.again.${delivery.redeliveryReason}`, told);
      }
    }
  }
}
