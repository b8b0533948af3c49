/**
 * The closed table of capabilities: what a broker may be able to do, and the stage that first can. A broker lists
 * those it has in `broker.capabilities`; the conformance suite runs the tests of exactly those.
 */
import { MqError } from './errors.ts';

/** Capability -> the first stage that has it. Stage 3 adds none: it adds a wire. */
export const CAPABILITIES = Object.freeze({
  send: 1,
  receive: 1,
  batch: 1,
  offsets: 2,
  groups: 2,
  lease: 2,
  browse: 2,
  durable: 4,
  partitions: 4,
  delay: 4,
  ttl: 4,
  'dead-letter': 4,
  priority: 4,
  'group-modes': 4,
  'time-index': 4,
  push: 4,
  'raw-batches': 4,
  transactions: 5,
  idempotence: 5,
  dedup: 5,
  'half-message': 5,
  filters: 5,
});

/** The name of something a broker may be able to do; `CAPABILITIES` lists all. */
export type Capability = keyof typeof CAPABILITIES;

/** The capabilities of every stage up to and including `stage`. */
export function capabilitiesOfStage(stage: number): ReadonlySet<Capability> {
  const names = Object.keys(CAPABILITIES) as Capability[];
  return new Set(names.filter((name) => CAPABILITIES[name] <= stage));
}

/** True when `text` names a capability of the table. */
export function isCapability(text: unknown): text is Capability {
  return typeof text === 'string' && Object.hasOwn(CAPABILITIES, text);
}

/** The `MQ_NOT_SUPPORTED` error for `capability`; `what` names the operation or option that asked for it. */
export function notSupported(capability: Capability, what: string): MqError {
  const stage = CAPABILITIES[capability];
  return new MqError(
    'MQ_NOT_SUPPORTED',
    `${what} needs the capability "${capability}", which this broker does not have (stages ${stage} and up have it)`,
    { details: { capability, stage } },
  );
}

/**
 * An operation a stage does not have, as a one-line field: `begin = unsupported('transactions', 'begin')`.
 * The operation rejects; it never throws synchronously.
 */
export function unsupported(capability: Capability, operation: string): (...args: unknown[]) => Promise<never> {
  return () => Promise.reject(notSupported(capability, operation));
}
