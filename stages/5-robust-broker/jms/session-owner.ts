/**
 * What a session sees of its connection.
 *
 * Always true: `id` is its own, and the names of all that it makes begin with it.
 */
import type { Destination as KitDestination } from '../doors/destinations.ts';
import type { TemporaryKind } from '../doors/temporaries.ts';
import type { TemporaryOwner } from './destinations.ts';
import type { Provider } from './provider.ts';
import type { Session } from './session.ts';

export interface SessionOwner extends TemporaryOwner {
  readonly id: string;
  readonly provider: Provider;
  readonly isRunning: boolean;
  getClientID(): string | null;
  createTemporary(kind: TemporaryKind): Promise<KitDestination>;
  /** Something went wrong while nobody waited. */
  onTrouble(error: unknown): void;
  closed(session: Session): void;
}
