/**
 * Asks the Admission of a server about each request, and keeps with the request what it answered.
 *
 * Always true: what was admitted is told to have left once, when the answer is closed, whether it left the server or not.
 * A server without an Admission has none of this. The application calls it before a byte of the body is read.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Admission } from '../../shared/admission.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import { cameFrom, credentialsOf } from './credentials.ts';
import type { CheckedServerOptions } from './server-options.ts';
import { tokenAdmission } from './token-admission.ts';

/** What a supervisor may ask without being admitted. */
const OPEN_PATHS: ReadonlySet<string> = new Set(['/healthz', '/readyz']);

/** Rejects with why the caller of a request may not come in. */
export type Admit = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

/** undefined: everybody may come in. */
export function createAdmit(broker: Broker, { admission, token }: CheckedServerOptions): Admit | undefined {
  if (token !== undefined) return admitBy(tokenAdmission(broker, token));
  return admission === undefined ? undefined : admitBy(admission);
}

/** Asked every time: what it answers may change while a connection lives. */
function admitBy(admission: Admission): Admit {
  return async (request, reply) => {
    if (OPEN_PATHS.has(request.url)) return;
    const admitted = await admission.admit(credentialsOf(request.raw), cameFrom(request.raw));
    request.admitted = admitted;
    if (reply.raw.closed) admission.leave?.(admitted);
    else reply.raw.once('close', () => admission.leave?.(admitted));
  };
}
