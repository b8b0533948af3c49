/** The deliveries a broker handed out, kept by mutants that finish or give back other ones than they were told. */
import type { Broker } from '../../contract/broker.ts';
import { isMqError } from '../../contract/errors.ts';
import type { Delivery } from '../../contract/message.ts';

export interface HandedOut {
  /** Every delivery so far, oldest first. */
  readonly deliveries: readonly Delivery[];
  /** A receive that fills `deliveries`. */
  readonly receive: Broker['receive'];
}

export function handedOut(sound: Broker): HandedOut {
  const deliveries: Delivery[] = [];
  const receive: Broker['receive'] = async (...args) => {
    const received = await sound.receive(...args);
    deliveries.push(...received);
    return received;
  };
  return { deliveries, receive };
}

/** True when the broker accepted the ack; false when the lease was over. */
export async function isAcked(sound: Broker, delivery: Delivery): Promise<boolean> {
  try {
    await sound.ack([delivery]);
    return true;
  } catch (error) {
    if (isMqError(error, 'MQ_LEASE_EXPIRED')) return false;
    throw error;
  }
}
