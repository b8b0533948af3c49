/**
 * `/metrics`: the counts of every topic and group, in the text form Prometheus reads (version 0.0.4).
 *
 *     # HELP mq_group_lag records not finished
 *     # TYPE mq_group_lag gauge
 *     mq_group_lag{topic="orders",group="kitchen"} 3
 *
 * Always true: the numbers are read from the broker at the moment of the scrape, so they are those of `GET /topics` and
 * of the screen; nothing is counted twice and nothing on the way of a message pays for it. There is one line a series,
 * whatever its topic and group are called. A route of the server calls it.
 */
import type { Broker } from '../../shared/contract/broker.ts';
import type { Counts, TopicDescription } from '../../shared/contract/description.ts';
import type { Connections } from './connections.ts';

/** Of one name. A counter only grows, but for a topic that is deleted and made again; a gauge goes up and down. */
interface Metric {
  readonly name: string;
  readonly kind: 'counter' | 'gauge';
  readonly help: string;
  readonly series: readonly Series[];
}

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

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

/** The text of one scrape. */
export async function metricsOf(broker: Broker, connections: Connections): Promise<string> {
  const topics = await broker.describeTopics();
  const { count, refusedCount } = connections;
  const metrics: Metric[] = [
    ...(Object.keys(COUNTS) as (keyof Counts)[]).flatMap((name) => metricsOfCount(name, topics)),
    {
      name: 'mq_topic_bytes',
      kind: 'gauge',
      help: 'bytes held',
      series: topics.map(({ topic, bytes }) => ({ labels: { topic }, value: bytes })),
    },
    { name: 'mq_http_connections', kind: 'gauge', help: 'open connections', series: [{ labels: {}, value: count }] },
    ...metricsOfState(topics),
    {
      name: 'mq_http_connections_refused',
      kind: 'counter',
      help: 'connections not taken, ever',
      series: [{ labels: {}, value: refusedCount }],
    },
  ];
  return metrics.map(written).join('');
}

function metricsOfCount(name: keyof Counts, topics: readonly TopicDescription[]): Metric[] {
  const [kind, help] = COUNTS[name];
  const ofTopics = topics.map((description) => ({
    labels: { topic: description.topic },
    value: description[name],
  }));
  const ofGroups = topics.flatMap(({ topic, groups }) =>
    groups.map((group) => ({ labels: { topic, group: group.group }, value: group[name] })),
  );
  return [
    { name: `mq_topic_${snakeCase(name)}`, kind, help, series: ofTopics },
    { name: `mq_group_${snakeCase(name)}`, kind, help, series: ofGroups },
  ];
}

/** What no count says: how a topic is cut, and what is handed out at all. */
function metricsOfState(topics: readonly TopicDescription[]): Metric[] {
  const ofTopics = (value: (description: TopicDescription) => number): readonly Series[] =>
    topics.map((description) => ({ labels: { topic: description.topic }, value: value(description) }));
  const ofGroups = topics.flatMap(({ topic, groups }) =>
    groups.map(({ group, isPaused }) => ({ labels: { topic, group }, value: Number(isPaused ?? false) })),
  );
  const help = '1 while nothing is handed out';
  return [
    { name: 'mq_topic_partitions', kind: 'gauge', help: 'partitions', series: ofTopics((one) => one.partitionCount) },
    { name: 'mq_topic_paused', kind: 'gauge', help, series: ofTopics((one) => Number(one.isPaused ?? false)) },
    { name: 'mq_group_paused', kind: 'gauge', help, series: ofGroups },
  ];
}

function written({ name, kind, help, series }: Metric): string {
  const lines = series.map(({ labels, value }) => `${name}${writtenLabels(labels)} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n${lines.join('')}`;
}

/** The three characters with a meaning inside a label value are escaped, so no name can end its label or its line. */
function writtenLabels(labels: Series['labels']): string {
  const pairs = Object.entries(labels).map(([name, value]) => {
    const escaped = value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
    return `${name}="${escaped}"`;
  });
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
