/**
 * A Broker seen through something: what it changes is its own, everything else is the broker's.
 *
 *     caller --> [ permissions --> quotas --> water marks ] --> broker         each arrow is one such view
 *
 * Always true: a view has every operation of the contract, and an optional one only where the broker has it; to close a
 * view closes nothing, since the broker is not its own. The views of this folder are made with it.
 */
import type { Broker } from '../../../shared/contract/broker.ts';
import { notSupported } from '../../../shared/contract/capabilities.ts';

/** The name of an operation of the contract. */
export type Operation = Exclude<keyof Broker, symbol | 'name' | 'capabilities' | 'limits'>;

/** Operations as functions on their own. */
export type Operations = { readonly [Name in Operation]-?: NonNullable<Broker[Name]> };

/** Every operation: one that the contract gets later and that is missing here does not compile. */
const EVERY: { readonly [Name in Operation]: true } = {
  createTopic: true,
  deleteTopic: true,
  describeTopics: true,
  createGroup: true,
  deleteGroup: true,
  send: true,
  sendBatch: true,
  receive: true,
  ack: true,
  nack: true,
  extendLease: true,
  leave: true,
  browse: true,
  fetch: true,
  commit: true,
  committed: true,
  seek: true,
  pause: true,
  resume: true,
  redrive: true,
  dropDeadLetters: true,
  openProducer: true,
  begin: true,
  findTransaction: true,
  sendHalf: true,
  endHalf: true,
  receiveHalfChecks: true,
  lookup: true,
  createTemporaryTopic: true,
  subscribe: true,
  appendBatch: true,
  fetchBatches: true,
  receiveBatches: true,
  explain: true,
  inspect: true,
  health: true,
  metrics: true,
  close: true,
};

export const OPERATIONS = Object.freeze(Object.keys(EVERY)) as readonly Operation[];

/** `broker` with the operations of `changes` instead of its own. */
export function viewOf(broker: Broker, changes: Partial<Operations>): Broker {
  const { name, capabilities, limits } = broker;
  const close = async (): Promise<void> => undefined;
  const view: Record<PropertyKey, unknown> = { name, capabilities, limits, [Symbol.asyncDispose]: close };
  for (const operation of OPERATIONS) {
    const own = broker[operation];
    if (own !== undefined) view[operation] = changes[operation] ?? own.bind(broker);
  }
  view.close = close;
  return view as unknown as Broker;
}

/** An operation of `broker`, to be called on its own; throws where it is one of the optional ones and not there. */
export function operationOf<Name extends Operation>(broker: Broker, name: Name): Operations[Name] {
  const own = broker[name];
  if (own === undefined) throw notSupported('raw-batches', name);
  return own.bind(broker) as Operations[Name];
}

/** A view that its holder closes, which then closes what is behind it. */
export function ownedView(view: Broker, close: Broker['close']): Broker {
  return Object.assign(Object.create(view), { close, [Symbol.asyncDispose]: () => close() }) as Broker;
}
