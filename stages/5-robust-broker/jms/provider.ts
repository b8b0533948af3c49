/**
 * What a connection needs of whoever made it: a broker, and what its programs share.
 *
 * Always true: connections of one provider meet in one exchange. Connection factories make them.
 */
import type { Clock } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import type { Random } from '../../../shared/random.ts';
import type { Exchange } from '../doors/exchange.ts';
import type { NamesInUse } from './names-in-use.ts';

export interface Provider extends NamesInUse {
  readonly broker: Broker;
  /** Whom the server knows the program as; undefined: nobody in particular, or known by its token alone. */
  readonly user: string | undefined;
  readonly exchange: Exchange;
  readonly clock: Clock;
  readonly random: Random;
  /** Deliveries a consumer is handed before the program asks for them. */
  readonly prefetchCount: number;
  /** True while the broker cannot be reached, so that nothing can be given back. */
  readonly isLost: () => boolean;
  /** The connection is closed. */
  release(): Promise<void>;
}
