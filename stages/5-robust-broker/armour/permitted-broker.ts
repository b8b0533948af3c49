/**
 * A Broker as one principal may use it: what it may not do is refused with `MQ_FORBIDDEN`, what it may not see is not there.
 *
 *     call --> row of the operation in `RULES` --> allowed? --> broker
 *
 * Always true (I21): rights are checked before the broker is asked anything, so a refusal tells nothing of what exists; an
 * operation without a row cannot be called.
 */
import type { Broker } from '../../../shared/contract/broker.ts';
import type { TopicDescription } from '../../../shared/contract/description.ts';
import type { Metric } from '../../../shared/contract/metrics.ts';
import { VERBS, type Verb } from './access.ts';
import { OPERATIONS, type Operation, type Operations, operationOf, viewOf } from './broker-view.ts';
import { RULES } from './operation-rules.ts';
import { publishing } from './permitted-publishing.ts';
import { permittedSubscribe } from './permitted-subscribe.ts';
import { transacting } from './permitted-transactions.ts';
import type { Principal } from './principal.ts';
import { asTopic, groupIn, topicsOfRefs } from './topic-argument.ts';

export function permittedBroker(broker: Broker, principal: Principal): Broker {
  return viewOf(broker, {
    ...plainly(broker, principal),
    ...publishing(broker, principal),
    ...transacting(broker, principal),
    subscribe: (topic, options, onDelivery) => permittedSubscribe(broker, principal, { topic, options, onDelivery }),
    describeTopics: async (options) => {
      const isNamed = options?.topic !== undefined;
      if (isNamed) principal.check(VERBS, asTopic(options.topic));
      const described = await broker.describeTopics(options);
      const seen = isNamed ? described : described.filter(({ topic }) => principal.sees(topic));
      return seen.map((description) => seenBy(principal, description));
    },
    deleteGroup: async (topic, group) => {
      principal.check(principal.owns(group) ? ['consume', 'manage'] : ['manage'], asTopic(topic));
      await broker.deleteGroup(topic, group);
    },
    createTemporaryTopic: async () => {
      principal.checkAny('make a temporary topic');
      const topic = await broker.createTemporaryTopic();
      principal.belongings.temporaryTopics.set(topic, principal.name);
      return topic;
    },
    metrics: () => operationOf(broker, 'metrics')().map((metric) => seenSeries(principal, metric)),
  });
}

/** The operations whose rows say it all. */
function plainly(broker: Broker, principal: Principal): Partial<Operations> {
  const plain: Partial<Record<Operation, unknown>> = {};
  for (const operation of OPERATIONS) {
    const rule = RULES[operation];
    if (rule.asks !== 'topic' && rule.asks !== 'deliveries') continue;
    const reads = rule.asks === 'topic' && rule.verbs.includes('consume');
    const topicsIn = rule.asks === 'topic' ? (first: unknown) => [asTopic(first)] : topicsOfRefs;
    plain[operation] = async (...args: readonly unknown[]): Promise<unknown> => {
      checkAll(principal, rule.verbs, topicsIn(args[0]));
      if (reads) checkGroup(principal, rule.verbs, args);
      return await Reflect.apply(operationOf(broker, operation), undefined, args);
    };
  }
  return plain as Partial<Operations>;
}

function checkAll(principal: Principal, verbs: readonly Verb[], topics: Iterable<string>): void {
  for (const topic of topics) principal.check(verbs, topic);
}

/** Whoever may manage the topic may manage all of its groups. */
function checkGroup(principal: Principal, verbs: readonly Verb[], [topic, second]: readonly unknown[]): void {
  if (verbs.includes('manage') && principal.may(['manage'], asTopic(topic))) return;
  principal.checkGroup(groupIn(second));
}

/** Who may only publish learns that the topic is there and how full it is. */
function seenBy(principal: Principal, description: TopicDescription): TopicDescription {
  if (principal.may(['consume', 'browse', 'manage'], description.topic)) return description;
  return { ...description, groups: [] };
}

function seenSeries(principal: Principal, metric: Metric): Metric {
  const isSeen = (topic: string | undefined): boolean =>
    topic === undefined || principal.may(['consume', 'browse', 'manage'], topic);
  return { ...metric, series: metric.series.filter(({ labels }) => isSeen(labels.topic)) } as Metric;
}
