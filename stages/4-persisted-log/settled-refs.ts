/**
 * How deliveries end: acks of many at once, of any topics and groups, nacks, and longer leases.
 *
 * Always true: valid entries apply whatever the others are; a call ends when what applied is as safe as the flush policy
 * says, and only then throws for the others, with all of them in `failed`, in the order in which they were named.
 */
import type { CheckedRef } from '../2-ring-buffer/reading-options.ts';
import { forEachRef } from '../2-ring-buffer/refusals.ts';
import type { CheckedNack } from './message-options.ts';
import type { Topic } from './topic.ts';

/** Where the topics of deliveries are found; the table of topics is one. */
export interface FoundTopics {
  /** Throws for a topic that is not there. */
  find(name: string): Topic | Promise<Topic>;
}

/** Neighbours of one topic and group. */
export type RefRun = readonly [CheckedRef, ...CheckedRef[]];

export async function ackAll(
  topics: FoundTopics,
  refs: readonly CheckedRef[],
  { isCumulative }: { readonly isCumulative: boolean },
): Promise<void> {
  const touched = new Set<Topic>();
  await settleRefs(topics, refs, {
    settle: (topic, run) => {
      touched.add(topic);
      return topic.groups.existing(run[0].group).ackAll(run, { isCumulative });
    },
    flushed: () => Promise.all([...touched].map((topic) => topic.journal.flushed())),
  });
}

/** `settle` answers those of a run whose lease is over; `flushed` resolves when what applied is safe. */
export async function settleRefs(
  topics: FoundTopics,
  refs: readonly CheckedRef[],
  {
    settle,
    flushed,
  }: {
    readonly settle: (topic: Topic, run: RefRun) => readonly CheckedRef[];
    readonly flushed: () => Promise<unknown>;
  },
): Promise<void> {
  const failures = new Map<CheckedRef, unknown>();
  for (const run of runsOf(refs)) {
    const [{ topic: name }] = run;
    try {
      const topic = await topics.find(name);
      topic.checkOpen();
      for (const ref of settle(topic, run)) failures.set(ref, undefined);
    } catch (error) {
      for (const ref of run) failures.set(ref, error);
    }
  }
  await flushed();
  if (failures.size === 0) return;
  forEachRef(refs, (ref) => {
    if (!failures.has(ref)) return true;
    const error = failures.get(ref);
    if (error !== undefined) throw error;
    return false;
  });
}

/** When it resolves after a failure that was the last one allowed, the dead letter is kept. */
export async function nack(topics: FoundTopics, ref: CheckedRef, how: CheckedNack): Promise<void> {
  const { outcome, delayMs, reason } = how;
  const topic = await apply(topics, ref, (found) =>
    found.groups.existing(ref.group).nack(ref, { outcome, delayMs, error: reason }),
  );
  await Promise.all([
    topic.journal.flushed(),
    topic.groups.desks.get(ref.group)?.burial.settledAt(ref.partition, ref.offset),
  ]);
}

/** Epoch ms at which the lease ends now. */
export async function extend(topics: FoundTopics, ref: CheckedRef, leaseMs: number): Promise<number> {
  let leaseExpiresAt: number | undefined;
  await apply(topics, ref, (topic) => {
    leaseExpiresAt = topic.groups.existing(ref.group).extend(ref, leaseMs);
    return leaseExpiresAt !== undefined;
  });
  return leaseExpiresAt ?? 0;
}

async function apply(topics: FoundTopics, ref: CheckedRef, change: (topic: Topic) => boolean): Promise<Topic> {
  let found: Topic | Promise<Topic> | undefined;
  forEachRef([ref], () => {
    found = topics.find(ref.topic);
    return true;
  });
  const topic = await (found as Topic | Promise<Topic>);
  forEachRef([ref], () => {
    topic.checkOpen();
    return change(topic);
  });
  return topic;
}

/** Neighbours of one topic and group: their acks become one event, and one write. */
function runsOf(refs: readonly CheckedRef[]): [CheckedRef, ...CheckedRef[]][] {
  const runs: [CheckedRef, ...CheckedRef[]][] = [];
  for (const ref of refs) {
    const last = runs.at(-1);
    if (last !== undefined && last[0].topic === ref.topic && last[0].group === ref.group) last.push(ref);
    else runs.push([ref]);
  }
  return runs;
}
