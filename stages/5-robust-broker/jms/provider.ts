/**
 * What a connection needs of whoever made it: a broker, and what its programs share.
 *
 * Always true: connections of one provider meet in one exchange. Connection factories make them.
 */
import type { Clock } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import type { Random } from '../../../shared/random.ts';
import type { Exchange } from '../doors/exchange.ts';

export interface Provider {
  readonly broker: Broker;
  readonly exchange: Exchange;
  readonly clock: Clock;
  readonly random: Random;
  /** Deliveries a consumer is handed before the program asks for them. */
  readonly prefetchCount: number;
  /** Of the connections that are open now. */
  readonly clientIds: Set<string>;
  /** Groups of durable subscribers that are here now. */
  readonly activeGroups: Set<string>;
  /** True while the broker cannot be reached, so that nothing can be given back. */
  readonly isLost: () => boolean;
  /** The connection is closed. */
  release(): Promise<void>;
}
