/**
 * `/metrics`: the counts of every topic and group, in the text form Prometheus reads.
 *
 *     describeTopics() ----> one gauge a count, labelled with topic and group ----> text
 *
 * Always true: the numbers are read from the broker at the moment of the scrape, so they are those of `GET /topics` and
 * of the screen; nothing is counted twice and nothing on the way of a message pays for it. A route of the server calls it.
 */
import { Gauge, Registry } from 'prom-client';
import type { Broker } from '../../shared/contract/broker.ts';
import type { Counts } from '../../shared/contract/description.ts';
import type { Connections } from './connections.ts';

const COUNTS: Readonly<Record<keyof Counts, string>> = {
  availableCount: 'messages that can be received now',
  inFlightCount: 'deliveries under a lease',
  delayedCount: 'messages that are not due yet',
  redeliveredCount: 'deliveries ever made that were not the first',
  expiredCount: 'messages whose time to live ended',
  deadCount: 'messages given up',
  droppedCount: 'records dropped before they were finished',
  waiterCount: 'calls that wait now',
  lag: 'records not finished',
  logStartOffset: 'first offset held',
  logEndOffset: 'offset the next record gets',
};

/** The text of one scrape. */
export async function metricsOf(broker: Broker, connections: Connections): Promise<string> {
  const registry = new Registry();
  const registers = [registry];
  const topics = await broker.describeTopics();
  for (const name of Object.keys(COUNTS) as (keyof Counts)[]) {
    const help = COUNTS[name];
    const ofTopic = new Gauge({ name: `mq_topic_${snakeCase(name)}`, help, labelNames: ['topic'], registers });
    const ofGroup = new Gauge({ name: `mq_group_${snakeCase(name)}`, help, labelNames: ['topic', 'group'], registers });
    for (const description of topics) {
      const { topic } = description;
      ofTopic.set({ topic }, description[name]);
      for (const group of description.groups) ofGroup.set({ topic, group: group.group }, group[name]);
    }
  }
  const bytes = new Gauge({ name: 'mq_topic_bytes', help: 'bytes held', labelNames: ['topic'], registers });
  for (const description of topics) bytes.set({ topic: description.topic }, description.bytes);
  new Gauge({ name: 'mq_http_connections', help: 'open connections', registers }).set(connections.count);
  const refused = new Gauge({ name: 'mq_http_connections_refused', help: 'connections not taken, ever', registers });
  refused.set(connections.refusedCount);
  return registry.metrics();
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
