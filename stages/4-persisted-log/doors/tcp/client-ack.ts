/**
 * Acks of a client: one call may finish deliveries of several topics, groups and members; a frame finishes those of one
 * member, as runs.
 *
 *     [t g m 5 A] [t g m 6 A] [t g m 7 A] [t g m 9 B]   -->   t g m: { 5, 3, A } { 9, 1, B }
 *
 * Always true: every part is asked for, also after another one was refused; the one error at the end lists what all of
 * them refused, as a broker in this process would. Pure but for the requests.
 */
import type { DeliveryRef } from '../../../../shared/contract/message.ts';
import type { Rules } from '../../../1-blocking-queue/rules.ts';
import { checkRefs } from '../../../2-ring-buffer/reading-options.ts';
import { untilAllAcked } from '../../../3-http-server/client-ack.ts';
import type { AckRequest, RefRun } from './requests.ts';

type OpenRun = { -readonly [Member in keyof RefRun]: RefRun[Member] };

/** A reference of which every part is there. */
interface WholeRef extends DeliveryRef {
  readonly offset: number;
  readonly leaseToken: string;
}

/** The deliveries as they were given where all of them are right; else `MQ_INVALID_ARGUMENT` says what is not. */
export function checkDeliveries(deliveries: readonly DeliveryRef[], rules: Rules): readonly WholeRef[] {
  const hasPartitions = rules.capabilities.has('partitions');
  const isRight = (ref: DeliveryRef): ref is WholeRef => isWhole(ref) && (ref.partition === 0 || hasPartitions);
  const isSmall = Array.isArray(deliveries) && deliveries.length <= rules.limits.receiveCountMax;
  // To make an object of each takes as long as to ack them. A hole in the array is one that is not there.
  if (isSmall && !deliveries.includes(undefined as never) && deliveries.every(isRight)) return deliveries;
  return checkRefs(deliveries, rules).map(({ token, ...ref }) => ({ ...ref, leaseToken: token }));
}

function isWhole(ref: Partial<DeliveryRef> | null | undefined): ref is WholeRef {
  return (
    isOffset(ref?.offset) &&
    isOffset(ref?.partition) &&
    typeof ref?.leaseToken === 'string' &&
    typeof ref.topic === 'string' &&
    typeof ref.group === 'string' &&
    typeof ref.memberId === 'string'
  );
}

function isOffset(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** One request for each member, with its deliveries in the order they were given. */
export function ackRequestsOf(refs: readonly WholeRef[], isCumulative: boolean): AckRequest[] {
  const requests: (AckRequest & { readonly runs: OpenRun[] })[] = [];
  let request: (typeof requests)[number] | undefined;
  let run: OpenRun | undefined;
  for (const { topic, partition, offset, group, memberId, leaseToken } of refs) {
    if (request === undefined || request.topic !== topic || request.group !== group || request.memberId !== memberId) {
      const isOf = (one: AckRequest): boolean =>
        one.topic === topic && one.group === group && one.memberId === memberId;
      request = requests.find(isOf);
      if (request === undefined) {
        request = { topic, group, memberId, isCumulative, runs: [] };
        requests.push(request);
      }
      run = undefined;
    }
    const isNext =
      run?.leaseToken === leaseToken && run.partition === partition && run.fromOffset + run.count === offset;
    if (run !== undefined && isNext) run.count += 1;
    else {
      run = { partition, fromOffset: offset, count: 1, leaseToken };
      request.runs.push(run);
    }
  }
  return requests;
}

/** Makes all of them; rejects with the first error that is not about leases, else with all refusals. */
export async function askAll(
  requests: readonly AckRequest[],
  ask: (request: AckRequest) => Promise<void>,
): Promise<void> {
  const [only] = requests;
  if (only !== undefined && requests.length === 1) return ask(only);
  await untilAllAcked(requests.map(ask));
}
