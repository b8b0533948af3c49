/**
 * Why there is no answer, in our words. What matters to a caller is only: can the call have taken effect?
 *
 *     MQ_UNREACHABLE       no: nothing was sent
 *     MQ_CLOSED            no: the client was closed before it was sent
 *     MQ_CONNECTION_LOST   perhaps: the connection broke, or was closed by this client, between request and answer
 *     MQ_TIMEOUT           perhaps: no answer in time
 *     MQ_PROTOCOL          perhaps: there was one, and it made no sense
 *
 * Always true: when in doubt whether it was sent, it was. Pure; the transport and its parts call it.
 */
import { type ErrorCode, MqError } from '../../shared/contract/errors.ts';

const CONNECT_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
]);
/** There was somebody, and no TLS with him: another protocol, or a certificate that is not trusted. */
const TLS_CODES = /^(EPROTO|ERR_(SSL|TLS)_\w+|CERT_\w+|\w*SELF_SIGNED_CERT\w*|UNABLE_TO_\w+)$/;
const LOST_CODES: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ECONNABORTED']);
/** What undici says of requests of a pool that was closed: by us, for nobody else has it. */
const CLOSED_CODES: ReadonlySet<string> = new Set(['UND_ERR_DESTROYED', 'UND_ERR_CLOSED']);

const MEANINGS = {
  MQ_UNREACHABLE: 'could not connect to the server; is it running?',
  MQ_CONNECTION_LOST: 'the connection broke before the answer; the call may have taken effect',
  MQ_TIMEOUT: 'no answer came in time; the call may have taken effect',
  MQ_PROTOCOL: 'the answer is not HTTP as a StageMQ server speaks it',
  MQ_CLOSED: 'the client is closed; nothing was sent',
} as const satisfies Partial<Record<ErrorCode, string>>;

/** For a call that was never sent. */
export function closedError(): MqError {
  return new MqError('MQ_CLOSED', MEANINGS.MQ_CLOSED);
}

export function lostError(): MqError {
  return new MqError('MQ_CONNECTION_LOST', MEANINGS.MQ_CONNECTION_LOST);
}

export function timeoutError(): MqError {
  return new MqError('MQ_TIMEOUT', MEANINGS.MQ_TIMEOUT);
}

/** `isSent`: the request had begun to leave. */
export function failureOf(error: unknown, { isSent }: { readonly isSent: boolean }): MqError {
  const code = codeOf(error, isSent);
  const why = error instanceof Error && error.message !== '' ? ` (${error.message})` : '';
  return new MqError(code, MEANINGS[code] + why, { cause: error });
}

function codeOf(error: unknown, isSent: boolean): keyof typeof MEANINGS {
  const { code = '', syscall } = (error ?? {}) as { code?: string; syscall?: string };
  if (CLOSED_CODES.has(code)) return isSent ? 'MQ_CONNECTION_LOST' : 'MQ_CLOSED';
  if (CONNECT_CODES.has(code) || TLS_CODES.test(code) || syscall === 'connect') return 'MQ_UNREACHABLE';
  return LOST_CODES.has(code) ? 'MQ_CONNECTION_LOST' : 'MQ_PROTOCOL';
}
