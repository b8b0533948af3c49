/** What the parts of the server share: the broker, what it may be asked, and who is in it. */
import type { Broker } from '../../../../shared/contract/broker.ts';
import type { MqError } from '../../../../shared/contract/errors.ts';
import type { Introduction } from './handshake.ts';
import type { Members } from './members.ts';
import type { CheckedTcpServerOptions } from './server-options.ts';

export interface Door {
  readonly broker: Broker;
  readonly options: CheckedTcpServerOptions;
  readonly introduction: Introduction;
  readonly members: Members;
  /** Whether a client with this token may come in. */
  readonly isOurToken: (token: string | null) => boolean;
  /** A name for a connection whose calls name no member. */
  readonly nextMemberId: () => string;
  /** Of an error that is a defect of ours. */
  readonly onDefect: (error: unknown) => void;
  /** Of a connection that was refused or that broke the protocol. */
  readonly onRefused?: ((reason: MqError) => void) | undefined;
}
