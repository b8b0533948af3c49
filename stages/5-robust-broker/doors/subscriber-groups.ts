/**
 * The groups of subscribers of topics: made as they are wanted, found again, given up.
 *
 *     ephemeral   named like its member, gone with it
 *     durable     <client id>/<name>, with users /@<owner> behind it     another owner --> MQ_FORBIDDEN
 *     shared      as the door names it
 *
 * Always true (I40): a group that is there already and reads the same is kept where it stands; a durable subscription has one owner,
 * whoever asks for it and through whichever door, also after a restart: the owner stands in the name of its group. One for each
 * Exchange.
 */
import type { Broker } from '../../../shared/contract/broker.ts';
import type { GroupOptions, TopicDescription } from '../../../shared/contract/description.ts';
import { isMqError, MqError } from '../../../shared/contract/errors.ts';
import type { Filter } from '../../../shared/contract/filter.ts';
import { DEFAULTS } from '../../../shared/contract/limits.ts';
import { destinationOf, isOwned, isRival, isTemporary } from './destinations.ts';
import type { SubscriptionWant } from './exchange.ts';
import type { SourcePlace } from './feed-source.ts';
import { ignoringGone } from './gone.ts';
import { mayRead } from './rights.ts';
import type { TopicBook } from './topic-book.ts';

export interface SubscriberGroupsOptions {
  /** All of it. */
  readonly broker: Broker;
  readonly book: TopicBook;
}

/** One topic; `isNew`: nothing in it is old. */
export interface CoveredTopic {
  readonly topic: string;
  readonly isNew: boolean;
}

export class SubscriberGroups {
  readonly #options: SubscriberGroupsOptions;

  constructor(options: SubscriberGroupsOptions) {
    this.#options = options;
  }

  /** Where the subscriber stands in one topic. */
  placeOf(view: Broker, { subscriber, memberId, filter }: SubscriptionWant, covered: CoveredTopic): SourcePlace {
    const { topic, isNew } = covered;
    const { book, broker } = this.#options;
    if (subscriber.kind === 'queue') return { topic, group: DEFAULTS.group, filter };
    const isEphemeral = subscriber.kind === 'ephemeral';
    const group = isEphemeral ? memberId : subscriber.group;
    const isTemporaryTopic = isTemporary(destinationOf(topic).kind);
    let isFirst = true;
    const reopen = async (): Promise<void> => {
      // A topic that was deleted and made again has nothing in it that this subscriber did not await.
      const start = startFor(isNew || !isFirst);
      if (!isFirst) book.forget(topic);
      isFirst = false;
      if (view !== broker) await mayRead(view, topic);
      if (!isTemporaryTopic) await book.ensure(topic);
      if (subscriber.kind === 'durable' && (view !== broker || isOwned(group))) await this.#checkOwner(topic, group);
      await ensureGroup(broker, topic, group, { isEphemeral, start, ...(filter && { filter }) });
    };
    return { topic, group, reopen, isEphemeral, isOwn: subscriber.kind !== 'shared' };
  }

  /** For a durable subscriber that is away. */
  async cover(
    view: Broker,
    { topic, isNew }: CoveredTopic,
    { group, filter }: { readonly group: string; readonly filter?: Filter | undefined },
  ): Promise<void> {
    await ensureGroup(view, topic, group, { start: startFor(isNew), ...(filter && { filter }) });
  }

  /** Gives it up everywhere. Resolves to the topics that had it. */
  async forget(view: Broker, group: string): Promise<readonly string[]> {
    const { broker } = this.#options;
    const topics = await broker.describeTopics();
    const having = topics.filter((description) => has(description, (present) => present === group));
    if (view !== broker) await Promise.all(having.map(({ topic }) => mayRead(view, topic)));
    if (having.length === 0 && topics.some((one) => has(one, (present) => isRival(present, group))))
      throw anothers(group);
    await Promise.all(having.map(({ topic }) => ignoringGone(broker.deleteGroup(topic, group))));
    return having.map(({ topic }) => topic);
  }

  /** Whoever comes again is not made to look through all the others. */
  async #checkOwner(topic: string, group: string): Promise<void> {
    const { broker } = this.#options;
    try {
      await broker.committed(topic, { group });
    } catch (error) {
      if (!isMqError(error, 'MQ_UNKNOWN_GROUP')) throw error;
      const [description] = await broker.describeTopics({ topic });
      if (description !== undefined && has(description, (present) => isRival(present, group))) throw anothers(group);
    }
  }
}

function startFor(isNew: boolean): 'earliest' | 'latest' {
  return isNew ? 'earliest' : 'latest';
}

function has({ groups }: TopicDescription, isIt: (group: string) => boolean): boolean {
  return groups.some(({ group }) => isIt(group));
}

function anothers(group: string): MqError {
  return new MqError('MQ_FORBIDDEN', `the durable subscription ${group} is somebody else’s`);
}

/** The group, as it is wanted: a subscriber that comes again with another filter is another one, as in JMS. */
async function ensureGroup(broker: Broker, topic: string, group: string, options: GroupOptions): Promise<void> {
  try {
    await broker.createGroup(topic, group, options);
  } catch (error) {
    if (!isMqError(error, 'MQ_GROUP_EXISTS')) throw error;
    if (JSON.stringify(await filterOf(broker, topic, group)) === JSON.stringify(options.filter ?? {})) return;
    await ignoringGone(broker.deleteGroup(topic, group));
    await broker.createGroup(topic, group, options);
  }
}

async function filterOf(broker: Broker, topic: string, group: string): Promise<Filter> {
  const [description] = await broker.describeTopics({ topic });
  return description?.groups.find((present) => present.group === group)?.filter ?? {};
}
