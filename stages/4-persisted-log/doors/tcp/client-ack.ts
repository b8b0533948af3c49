/**
 * Acks of a client: one call may finish deliveries of several topics, groups and members; a frame finishes those of one
 * member, as runs.
 *
 *     [t g m 5 A] [t g m 6 A] [t g m 7 A] [t g m 9 B]   -->   t g m: { 5, 3, A } { 9, 1, B }
 *
 * Always true: every part is asked for, also after another one was refused; the one error at the end lists what all of
 * them refused, as a broker in this process would. Pure but for the requests.
 */
import { type FailedDelivery, isMqError, MqError } from '../../../../shared/contract/errors.ts';
import type { CheckedRef } from '../../../2-ring-buffer/reading-options.ts';
import type { AckRequest, RefRun } from './requests.ts';

type OpenRun = { -readonly [Member in keyof RefRun]: RefRun[Member] };

/** One request for each member, with its deliveries in the order they were given. */
export function ackRequestsOf(refs: readonly CheckedRef[], isCumulative: boolean): AckRequest[] {
  const requests: (AckRequest & { readonly runs: OpenRun[] })[] = [];
  let request: (typeof requests)[number] | undefined;
  let run: OpenRun | undefined;
  for (const { topic, partition, offset, group, memberId, token } of refs) {
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
    const isNext = run?.leaseToken === token && run.partition === partition && run.fromOffset + run.count === offset;
    if (run !== undefined && isNext) run.count += 1;
    else {
      run = { partition, fromOffset: offset, count: 1, leaseToken: token };
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
  const failed: FailedDelivery[] = [];
  for (const result of await Promise.allSettled(requests.map(ask))) {
    if (result.status === 'fulfilled') continue;
    if (!isMqError(result.reason, 'MQ_LEASE_EXPIRED')) throw result.reason;
    failed.push(...(result.reason.details.failed ?? []));
  }
  if (failed.length === 0) return;
  throw new MqError('MQ_LEASE_EXPIRED', `the leases of ${failed.length} deliveries ended before`, {
    details: { failed },
  });
}
