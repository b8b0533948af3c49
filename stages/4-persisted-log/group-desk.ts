/** The desk of one group: what its operations are. */
import type { GroupOptions, MemberDescription } from '../../shared/contract/description.ts';
import type { LogGroupView } from '../../shared/contract/inside.ts';
import type { BrowsedRecord, Delivery } from '../../shared/contract/message.ts';
import type {
  GiveBack,
  GroupCounts,
  GroupDeskOptions,
  HandedRun,
  LeaseClaim,
  ReceiveWant,
  RunClaim,
  Standing,
  WaitForRecords,
} from './desk-surroundings.ts';
import type { GroupEvent } from './group-events.ts';
import type { GroupSnapshot } from './group-snapshot.ts';

/**
 * Everything but `receive` and `receiveRuns` is synchronous: it has changed the state, and recorded the events, when it
 * returns; whoever promises durability awaits the journal afterwards.
 */
export declare class GroupDesk {
  readonly name: string;
  readonly groupId: number;
  readonly options: Required<GroupOptions>;
  readonly kind: 'undecided' | 'queue' | 'log';
  readonly isPaused: boolean;

  /** Silent until `start`: no timers, no events. A new group: `new`, record 'created' yourself, `start`. */
  constructor(options: GroupDeskOptions & { readonly starts: readonly number[] });
  /** After a restart: `restore` (or `new` for a 'created' event), `replay` of what came after, `start`. */
  static restore(options: GroupDeskOptions, snapshot: GroupSnapshot): GroupDesk;
  replay(event: GroupEvent): void;
  /** Draws a token prefix, arms timers, takes up what was dying; `logStartOffset`s are looked at. */
  start(): void;
  /** The whole state as plain JSON, at this moment. */
  snapshot(): GroupSnapshot;

  receive(want: ReceiveWant, wait: WaitForRecords): Promise<readonly Delivery[]>;
  /** The same, without an object per record; `bytesMax` counts whole batches. */
  receiveRuns(want: ReceiveWant, wait: WaitForRecords): Promise<readonly HandedRun[]>;
  /** True when the lease was open, or its ack is remembered. */
  ack(claim: LeaseClaim, options: { readonly isCumulative: boolean }): boolean;
  /** Many at once: one event per run of neighbours, progress told once. Answers those that did not apply. */
  ackAll<Claim extends LeaseClaim>(
    claims: readonly Claim[],
    options: { readonly isCumulative: boolean },
  ): readonly Claim[];
  /** Answers the offsets that did not apply. */
  ackRun(claim: RunClaim): readonly number[];
  /** False when the lease is over; so are the next. */
  nack(claim: LeaseClaim, how: GiveBack): boolean;
  /** Epoch ms at which the lease ends now; undefined when it is over. */
  extend(claim: LeaseClaim, leaseMs: number): number | undefined;
  leave(memberId: string): void;
  /** As when the connection of a member broke: its leases end as expired. */
  dropMember(memberId: string): void;

  browse(want: {
    readonly partition: number;
    readonly fromOffset: number;
    readonly max: number;
  }): Promise<readonly BrowsedRecord[]>;
  standingOf(partition: number, offset: number): Standing;
  commit(partition: number, offset: number): number;
  committed(partition: number): number;
  seek(partition: number, offset: number): number;
  pause(): void;
  resume(): void;
  /** After records appeared, or a topic was resumed. */
  serve(): void;
  /** After `logStartOffset` of a partition moved. */
  fallBehind(partition: number): void;
  /** Everything below is finished for this group. */
  floorOf(partition: number): number;
  counts(): GroupCounts;
  members(): readonly MemberDescription[];
  view(max: number): LogGroupView;
  /** Waiting receives reject with `error`, or are answered empty without one. */
  close(error?: Error): void;
}
