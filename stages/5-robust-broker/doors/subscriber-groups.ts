/**
 * The group of one subscriber of one topic, made as it is wanted.
 *
 * Always true: a group that is there already and reads the same is kept where it stands. The Exchange uses it.
 */
import type { Broker } from '../../../shared/contract/broker.ts';
import type { GroupOptions } from '../../../shared/contract/description.ts';
import { isMqError } from '../../../shared/contract/errors.ts';
import type { Filter } from '../../../shared/contract/filter.ts';
import { ignoringGone } from './gone.ts';

/** The group, as it is wanted: a subscriber that comes again with another filter is another one, as in JMS. */
export async function ensureGroup(broker: Broker, topic: string, group: string, options: GroupOptions): Promise<void> {
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
