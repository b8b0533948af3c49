/**
 * `/metrics`: the counts of every topic and group, and what else the broker and whoever runs it can say in numbers.
 *
 *     describeTopics --> topics, groups   \
 *     broker.metrics --> latencies, ...    >  exposition.ts  -->  text
 *     moreMetrics    --> the process, ... /
 *
 * Always true: the numbers are read from the broker at the moment of the scrape, so they are those of `GET /topics` and
 * of the screen; nothing is counted twice and nothing on the way of a message pays for it. However many topics and groups
 * there are, a scrape is bounded: the first `topicsMax` of each by name have series of their own, the rest are summed under
 * the name `$other`, which nobody can give to a topic. A route of the server calls it.
 */
import type { Broker } from '../../shared/contract/broker.ts';
import type { Counts, GroupDescription, TopicDescription } from '../../shared/contract/description.ts';
import type { Metric, MetricSeries } from '../../shared/contract/metrics.ts';
import type { Connections } from './connections.ts';
import { expositionOf } from './exposition.ts';

/** What is beyond the bound. */
const OTHER = '$other';

type Labels = MetricSeries['labels'];

const COUNTS: Readonly<Record<keyof Counts, readonly [Metric['kind'], string]>> = {
  availableCount: ['gauge', 'messages that can be received now'],
  inFlightCount: ['gauge', 'deliveries under a lease'],
  delayedCount: ['gauge', 'messages that are not due yet'],
  redeliveredCount: ['counter', 'deliveries ever made that were not the first'],
  expiredCount: ['counter', 'messages whose time to live ended'],
  deadCount: ['counter', 'messages ever given up'],
  droppedCount: ['counter', 'records dropped before they were finished'],
  waiterCount: ['gauge', 'calls that wait now'],
  lag: ['gauge', 'records not finished'],
  logStartOffset: ['counter', 'first offset held'],
  logEndOffset: ['counter', 'offset the next record gets'],
};

export interface MetricsOptions {
  /** Topics, and likewise groups, with series of their own. */
  readonly topicsMax: number;
  /** Of whoever runs the door. */
  readonly moreMetrics?: (() => readonly Metric[]) | undefined;
}

/** The text of one scrape. */
export async function metricsOf(
  broker: Broker,
  connections: Connections,
  { topicsMax, moreMetrics }: MetricsOptions,
): Promise<string> {
  const described = await broker.describeTopics();
  const topics = shownOf(described, topicsMax, ({ topic }) => ({ topic }));
  const ofGroups = described.flatMap(({ topic, groups }) => groups.map((group) => ({ topic, ...group })));
  const groups = shownOf(ofGroups, topicsMax, ({ topic, group }) => ({ topic, group }));
  return expositionOf([
    ...(Object.keys(COUNTS) as (keyof Counts)[]).flatMap((name) => metricsOfCount(name, { topics, groups })),
    gauge(
      'mq_topic_bytes',
      'bytes held',
      seriesOf(topics, ({ bytes }) => bytes),
    ),
    gauge('mq_http_connections', 'open connections', [{ labels: {}, value: connections.count }]),
    ...metricsOfState({ topics, groups }),
    ...metricsOfStage5(topics),
    {
      name: 'mq_http_connections_refused',
      kind: 'counter',
      help: 'connections not taken, ever',
      series: [{ labels: {}, value: connections.refusedCount }],
    },
    ...(broker.metrics?.() ?? []),
    ...(moreMetrics?.() ?? []),
  ]);
}

/** Those that share a series: one, or all beyond the bound. */
interface Shown<Described> {
  readonly labels: Labels;
  readonly members: readonly Described[];
}

interface ShownOfAll {
  readonly topics: readonly Shown<TopicDescription>[];
  readonly groups: readonly Shown<GroupDescription>[];
}

function shownOf<Described>(
  all: readonly Described[],
  countMax: number,
  labelsOf: (described: Described) => Labels,
): readonly Shown<Described>[] {
  const own = all.slice(0, countMax).map((described) => ({ labels: labelsOf(described), members: [described] }));
  const [first] = all;
  if (all.length <= countMax || first === undefined) return own;
  const labels = Object.fromEntries(Object.keys(labelsOf(first)).map((name) => [name, OTHER]));
  return [...own, { labels, members: all.slice(countMax) }];
}

function seriesOf<Described>(
  shown: readonly Shown<Described>[],
  value: (described: Described) => number,
): readonly MetricSeries[] {
  return shown.map(({ labels, members }) => ({
    labels,
    value: members.reduce((sum, described) => sum + value(described), 0),
  }));
}

function gauge(name: string, help: string, series: readonly MetricSeries[]): Metric {
  return { name, kind: 'gauge', help, series };
}

function metricsOfCount(name: keyof Counts, { topics, groups }: ShownOfAll): Metric[] {
  const [kind, help] = COUNTS[name];
  return [
    { name: `mq_topic_${snakeCase(name)}`, kind, help, series: seriesOf(topics, (topic) => topic[name]) },
    { name: `mq_group_${snakeCase(name)}`, kind, help, series: seriesOf(groups, (group) => group[name]) },
  ];
}

/** What no count says: how a topic is cut, and what is handed out at all. */
function metricsOfState({ topics, groups }: ShownOfAll): Metric[] {
  const help = '1 while nothing is handed out';
  return [
    gauge(
      'mq_topic_partitions',
      'partitions',
      seriesOf(topics, ({ partitionCount }) => partitionCount),
    ),
    gauge(
      'mq_topic_paused',
      help,
      seriesOf(topics, ({ isPaused }) => Number(isPaused ?? false)),
    ),
    gauge(
      'mq_group_paused',
      help,
      seriesOf(groups, ({ isPaused }) => Number(isPaused ?? false)),
    ),
  ];
}

/** Only of topics that say it: a number that nobody keeps is not the number 0. */
function metricsOfStage5(topics: ShownOfAll['topics']): Metric[] {
  const telling = (value: (topic: TopicDescription) => number | undefined): readonly MetricSeries[] =>
    seriesOf(
      topics
        .map(({ labels, members }) => ({ labels, members: members.filter((topic) => value(topic) !== undefined) }))
        .filter(({ members }) => members.length > 0),
      (topic) => value(topic) ?? 0,
    );
  const lagOf = ({ lastStableOffset, logEndOffset }: TopicDescription): number | undefined =>
    lastStableOffset === undefined ? undefined : logEndOffset - lastStableOffset;
  const metrics: Metric[] = [
    gauge(
      'mq_topic_open_transaction_count',
      'open transactions that have written to it',
      telling(({ openTransactionCount }) => openTransactionCount),
    ),
    gauge('mq_topic_last_stable_lag', 'records behind an open transaction', telling(lagOf)),
    gauge(
      'mq_topic_half_count',
      'half messages not decided yet',
      telling(({ halfCount }) => halfCount),
    ),
    {
      name: 'mq_topic_duplicate_count',
      kind: 'counter',
      help: 'sends ever answered with the receipt of an earlier one',
      series: telling(({ duplicateCount }) => duplicateCount),
    },
  ];
  return metrics.filter(({ series }) => series.length > 0);
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
