/**
 * The simplest Admission: whoever has the token may do everything, and nobody else anything.
 *
 * Always true: tokens are compared in constant time, and appear in no message.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Admission } from '../../shared/admission.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import { MqError } from '../../shared/contract/errors.ts';

export function tokenAdmission(broker: Broker, token: string): Admission {
  const expected = digest(token);
  return {
    admit: async (credentials) => {
      if (timingSafeEqual(digest(credentials.token ?? ''), expected)) return broker;
      throw new MqError('MQ_UNAUTHORIZED', 'this server needs its token');
    },
  };
}

/** Digests have one length, whatever was said. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
