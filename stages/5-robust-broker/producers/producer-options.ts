/** What callers, and `createBroker`, say about producers, checked; `MQ_INVALID_ARGUMENT` for what is wrong. */
import type { Limits } from '../../../shared/contract/limits.ts';
import type { ProducerOptions } from '../../../shared/contract/producer.ts';
import { checkInteger, checkName, checkOptions } from '../../../shared/contract/validation.ts';

export interface ProducersOptions {
  /** A producer that sends nothing to a partition for so long is forgotten there, ms. Default: a day. */
  readonly producerTimeoutMs?: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const TIMEOUT_RANGE = { min: 1, max: Number.MAX_SAFE_INTEGER, fallback: DAY_MS };

/** Splits them from the rest, which others check. */
export function takeProducersOptions<Options extends ProducersOptions>({
  producerTimeoutMs,
  ...rest
}: Options): { readonly producers: Required<ProducersOptions>; readonly rest: Omit<Options, keyof ProducersOptions> } {
  const timeoutMs = checkInteger('options.producerTimeoutMs', producerTimeoutMs, TIMEOUT_RANGE);
  return { producers: { producerTimeoutMs: timeoutMs }, rest };
}

/** Of `openProducer`: the name, if there is one. */
export function checkOpenProducer(options: ProducerOptions | undefined, limits: Limits): string | undefined {
  checkOptions('options', options, ['name']);
  return options?.name === undefined ? undefined : checkName('options.name', options.name, limits);
}
