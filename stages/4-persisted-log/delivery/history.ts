/** What is known of a record that was handed out: the same for all of a run, and never changed but replaced. Pure. */
import type { RedeliveryReason } from '../../../shared/contract/message.ts';

export interface History {
  /** Of the latest delivery; 0 when there was none. */
  readonly deliveryCount: number;
  /** In flight: why it came again; given back: why it will. */
  readonly reason: RedeliveryReason | undefined;
  /** When it was first handed out, epoch ms; undefined when it never was. */
  readonly firstAt: number | undefined;
  /** The last thing a member said went wrong. */
  readonly error: string | undefined;
}

export const NEVER_DELIVERED: History = Object.freeze({
  deliveryCount: 0,
  reason: undefined,
  firstAt: undefined,
  error: undefined,
});

/** Of a first delivery. `wasHandedOut`: before a seek or a reset took the group elsewhere. */
export function firstHistory(
  { at, isRedrive }: { readonly at: number; readonly isRedrive: boolean },
  { wasHandedOut }: { readonly wasHandedOut: boolean },
): History {
  const reason = isRedrive ? 'redrive' : wasHandedOut ? 'seek' : undefined;
  return { deliveryCount: 1, reason, firstAt: at, error: undefined };
}

/** Of the next delivery. The count is one of failures: what was returned, or left behind by a member that went, keeps it. */
export function nextHistory(history: History): History {
  const hasFailed = history.reason === 'retry' || history.reason === 'lease-expired';
  return hasFailed ? { ...history, deliveryCount: history.deliveryCount + 1 } : history;
}

export function isSameHistory(one: History, other: History): boolean {
  return (
    one === other ||
    (one.deliveryCount === other.deliveryCount &&
      one.reason === other.reason &&
      one.firstAt === other.firstAt &&
      one.error === other.error)
  );
}
