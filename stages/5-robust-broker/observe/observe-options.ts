/** What `createBroker` takes about observing; `MQ_INVALID_ARGUMENT` for what is no yes or no. */
import { invalidArgument } from '../../../shared/contract/validation.ts';

export interface ObserveOptions {
  /** Counts and times what becomes of messages, for `metrics()` and `/metrics`. Default true. */
  readonly metrics?: boolean;
  /** Tells of itself in the topics `$sys/...`, which are made at the start. Default false. */
  readonly advisories?: boolean;
}

export type CheckedObserveOptions = Required<ObserveOptions>;

/** Splits them from the rest, which others check. */
export function takeObserveOptions<Options extends ObserveOptions>({
  metrics = true,
  advisories = false,
  ...rest
}: Options): { readonly observe: CheckedObserveOptions; readonly rest: Omit<Options, keyof ObserveOptions> } {
  for (const [name, value] of Object.entries({ metrics, advisories })) {
    if (typeof value !== 'boolean') throw invalidArgument(`options.${name}`, 'true or false', value);
  }
  return { observe: { metrics, advisories }, rest };
}
