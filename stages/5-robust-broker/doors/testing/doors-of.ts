/** An exchange over a broker of some stage on a clock that a test moves, and subscribers that write down what they are handed. */
import { VirtualClock } from '../../../../shared/clock.ts';
import type { Broker } from '../../../../shared/contract/broker.ts';
import { isMqError } from '../../../../shared/contract/errors.ts';
import type { Delivery } from '../../../../shared/contract/message.ts';
import { SeededRandom } from '../../../../shared/random.ts';
import { SimulatedDisk } from '../../../../shared/simulated-disk.ts';
import { createBroker as createStage1 } from '../../../1-blocking-queue/index.ts';
import { createBroker as createStage2 } from '../../../2-ring-buffer/index.ts';
import { createBroker as createStage5, type RobustBrokerOptions } from '../../index.ts';
import { createExchange, type Exchange, type OpenSubscription, type SubscriptionWant } from '../exchange.ts';

export interface OpenedExchange extends AsyncDisposable {
  readonly broker: Broker;
  readonly exchange: Exchange;
  readonly clock: VirtualClock;
  readonly notices: readonly string[];
}

export interface ExchangeWant extends Omit<RobustBrokerOptions, 'clock' | 'disk'> {
  readonly clock?: VirtualClock;
  readonly disk?: SimulatedDisk;
}

export interface Reader extends OpenSubscription {
  readonly deliveries: readonly Delivery[];
  /** What was handed over since the last call. */
  taken(): string[];
  /** Topics of which nothing more comes. */
  readonly ended: readonly string[];
}

/** `options.disk` and `clock`: of one that was there before. */
export async function openExchange(
  stage: 1 | 2 | 5 = 5,
  { clock = new VirtualClock(), disk = new SimulatedDisk(), ...options }: ExchangeWant = {},
): Promise<OpenedExchange> {
  const random = new SeededRandom(1);
  const notices: string[] = [];
  const broker =
    stage === 5
      ? await createStage5({ ...options, clock, random, disk, dataFolder: '/data' })
      : await (stage === 1 ? createStage1 : createStage2)({ clock, random });
  const exchange = createExchange(broker, { clock, random, onNotice: (text) => void notices.push(text) });
  return {
    ...{ broker, exchange, clock, notices },
    [Symbol.asyncDispose]: async () => {
      exchange.close();
      await broker.close();
    },
  };
}

let readerCount = 0;

/** Subscribes, with a credit of 10 unless told otherwise. */
export async function read(
  { exchange, broker }: Pick<OpenedExchange, 'exchange' | 'broker'>,
  want: Pick<SubscriptionWant, 'subscriber' | 'filter'> & {
    readonly creditMax?: number;
    readonly destination?: { readonly kind: 'queue' | 'topic'; readonly name: string };
    readonly covers?: (topic: string) => boolean;
  },
): Promise<Reader> {
  readerCount += 1;
  const deliveries: Delivery[] = [];
  const ended: string[] = [];
  let takenCount = 0;
  const subscription = await exchange.subscribe(broker, {
    ...{ creditMax: 10, memberId: `reader-${readerCount}`, ...want },
    onDelivery: (delivery) => void deliveries.push(delivery),
    onEnd: (_, topic) => void ended.push(topic),
  } as SubscriptionWant);
  return {
    ...subscription,
    deliveries,
    ended,
    taken: () => {
      const texts = deliveries.slice(takenCount).map(textOf);
      takenCount = deliveries.length;
      return texts;
    },
  };
}

export function textOf({ body }: Pick<Delivery, 'body'>): string {
  return new TextDecoder().decode(body);
}

/** The code a call rejects with; undefined when it resolves. */
export async function codeOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    return isMqError(error) ? error.code : String(error);
  }
}
