/**
 * `subscribe` of a permitted broker: also of a pattern, which may cover only what its subscriber may consume.
 *
 *     orders.*.paid     asks for all of  orders.          orders/#     asks for  orders  and all of  orders/
 *
 * Always true: nothing is handed on that may not be consumed when it comes, whatever changed since; it goes back as not
 * processed.
 */
import type { Broker, SubscribeOptions, Subscription } from '../../../shared/contract/broker.ts';
import { isMqError } from '../../../shared/contract/errors.ts';
import type { PatternForm } from '../../../shared/contract/filter.ts';
import type { Delivery } from '../../../shared/contract/message.ts';
import { quote } from '../../../shared/contract/validation.ts';
import type { Principal } from './principal.ts';
import { asTopic } from './topic-argument.ts';

interface Subscribing {
  readonly topic: string;
  readonly options: SubscribeOptions;
  readonly onDelivery: (delivery: Delivery) => void;
}

export async function permittedSubscribe(
  broker: Broker,
  principal: Principal,
  { topic, options, onDelivery }: Subscribing,
): Promise<Subscription> {
  const form = options?.pattern;
  if (form === undefined) principal.check(['consume'], asTopic(topic));
  else checkPattern(principal, asTopic(topic), form);
  principal.checkGroup(options?.group);
  // What is no function is for the broker to refuse.
  if (typeof onDelivery !== 'function') return await broker.subscribe(topic, options, onDelivery);
  return await broker.subscribe(topic, options, (delivery) => {
    if (mayConsume(principal, delivery.topic)) onDelivery(delivery);
    else void giveBack(broker, delivery);
  });
}

function checkPattern(principal: Principal, pattern: string, form: PatternForm): void {
  const { exact, begin } = coveredBy(pattern, form);
  const isAllowed =
    (exact === undefined || principal.may(['consume'], exact)) &&
    (begin === undefined || principal.mayAll('consume', begin));
  if (!isAllowed) throw principal.forbidden(`consume all that ${quote(pattern)} covers`);
}

/** What a pattern can cover: at most one name exactly, and names that begin so. Exported for its test. */
export function coveredBy(pattern: string, form: PatternForm): { readonly exact?: string; readonly begin?: string } {
  const [separator, one, below] = form === 'slashed' ? ['/', '+', '#'] : ['.', '*', '>'];
  const words = pattern.split(separator);
  const at = words.findIndex((word) => word === one || word === below);
  if (at < 0) return { exact: pattern };
  const before = words.slice(0, at).join(separator);
  const begin = at === 0 ? '' : `${before}${separator}`;
  // `orders/#` is also `orders` itself.
  return form === 'slashed' && words[at] === below && at > 0 ? { exact: before, begin } : { begin };
}

/** A principal that is gone may nothing. */
function mayConsume(principal: Principal, topic: string): boolean {
  try {
    return principal.may(['consume'], topic);
  } catch (error) {
    if (isMqError(error, 'MQ_UNAUTHORIZED')) return false;
    throw error;
  }
}

async function giveBack(broker: Broker, delivery: Delivery): Promise<void> {
  try {
    await broker.nack(delivery, { outcome: 'return' });
  } catch (error) {
    if (!isMqError(error)) throw error;
  }
}
