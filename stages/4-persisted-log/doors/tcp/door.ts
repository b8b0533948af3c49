/** What the parts of the server share: the broker, what it may be asked, and who is in it. */
import type { Admission } from '../../../../shared/admission.ts';
import type { Broker } from '../../../../shared/contract/broker.ts';
import type { MqError } from '../../../../shared/contract/errors.ts';
import type { Farewells } from '../farewells.ts';
import type { Members } from './members.ts';
import type { CheckedTcpServerOptions } from './server-options.ts';

export interface Door {
  /** All of it: for what the door does by itself, such as giving back what a connection held. */
  readonly broker: Broker;
  readonly options: CheckedTcpServerOptions;
  /** Who may come in, and what of the broker is for whom; undefined: everybody, all of it. */
  readonly admission: Admission | undefined;
  readonly members: Members;
  readonly farewells: Farewells;
  /** A name for a connection whose calls name no member. */
  readonly nextMemberId: () => string;
  /** Of an error that is a defect of ours. */
  readonly onDefect: (error: unknown) => void;
  /** Of a connection that was refused or that broke the protocol. */
  readonly onRefused?: ((reason: MqError) => void) | undefined;
}
