/**
 * Who else reads a durable subscription, in another process or through another door: the broker is asked, since it knows the
 * members of every group.
 *
 *     members besides ours, and a receive that waits or deliveries that are out  -->  it is being read
 *
 * Always true: who only was a member, and whose connection is gone, reads nothing, as soon as what it held has come back. Sessions
 * ask before they open a subscription, and look who has come meanwhile when it is open.
 */
import type { Broker } from '../../../shared/contract/broker.ts';
import type { GroupDescription } from '../../../shared/contract/description.ts';
import { isMqError } from '../../../shared/contract/errors.ts';

export interface DurableGroup {
  readonly group: string;
  /** undefined: in any topic. */
  readonly topic?: string;
  /** What the members of the connection that asks begin with; none of them waits now. */
  readonly ownPrefix: string;
}

export interface OtherReaders {
  readonly memberIds: ReadonlySet<string>;
  /** One of them waits for messages, or holds some. */
  readonly areReading: boolean;
}

export async function otherReaders(broker: Broker, of: DurableGroup): Promise<OtherReaders> {
  const groups = (await groupsOf(broker, of)).map(({ members, waiterCount }) => {
    const others = members.filter(({ memberId }) => !memberId.startsWith(of.ownPrefix));
    const areReading = waiterCount > 0 || others.some(({ inFlightCount }) => inFlightCount > 0);
    return { others, areReading: others.length > 0 && areReading };
  });
  return {
    memberIds: new Set(groups.flatMap(({ others }) => others.map(({ memberId }) => memberId))),
    areReading: groups.some(({ areReading }) => areReading),
  };
}

async function groupsOf(broker: Broker, { group, topic }: DurableGroup): Promise<readonly GroupDescription[]> {
  try {
    const topics = await broker.describeTopics(topic === undefined ? undefined : { topic });
    return topics.flatMap(({ groups }) => groups.filter((description) => description.group === group));
  } catch (error) {
    // Nobody has been there.
    if (isMqError(error, 'MQ_UNKNOWN_TOPIC')) return [];
    throw error;
  }
}
