/**
 * Why there is no answer, in our words. What matters to a caller is only: can the call have taken effect?
 *
 *     MQ_UNREACHABLE       no: nothing was sent
 *     MQ_CONNECTION_LOST   perhaps: the connection broke between request and answer
 *     MQ_TIMEOUT           perhaps: no answer in time
 *     MQ_PROTOCOL          perhaps: there was one, and it made no sense
 *
 * Always true: when in doubt between the first and the second, it is the second. Pure; the transport calls it.
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
const TIMEOUT_CODES: ReadonlySet<string> = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);
const LOST_CODES: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ECONNABORTED']);
const CLOSED_CODES: ReadonlySet<string> = new Set(['UND_ERR_DESTROYED', 'UND_ERR_CLOSED']);

const MEANINGS = {
  MQ_UNREACHABLE: 'could not connect to the server; is it running?',
  MQ_CONNECTION_LOST: 'the connection broke before the answer; the call may have taken effect',
  MQ_TIMEOUT: 'no answer came in time; the call may have taken effect',
  MQ_PROTOCOL: 'the answer is not HTTP as a StageMQ server speaks it',
  MQ_CLOSED: 'the client is closed',
  MQ_ABORTED: 'the call was aborted by its signal',
} as const satisfies Partial<Record<ErrorCode, string>>;

export function failureOf(
  error: unknown,
  { signal, isClosed }: { readonly signal: AbortSignal | undefined; readonly isClosed: boolean },
): MqError {
  if (signal?.aborted) return new MqError('MQ_ABORTED', MEANINGS.MQ_ABORTED, { cause: signal.reason });
  const code = codeOf(error, isClosed);
  const why = error instanceof Error && error.message !== '' ? ` (${error.message})` : '';
  return new MqError(code, MEANINGS[code] + why, { cause: error });
}

function codeOf(error: unknown, isClosed: boolean): keyof typeof MEANINGS {
  const { code = '', syscall } = (error ?? {}) as { code?: string; syscall?: string };
  if (isClosed || CLOSED_CODES.has(code)) return 'MQ_CLOSED';
  if (CONNECT_CODES.has(code) || syscall === 'connect') return 'MQ_UNREACHABLE';
  if (TIMEOUT_CODES.has(code)) return 'MQ_TIMEOUT';
  return LOST_CODES.has(code) ? 'MQ_CONNECTION_LOST' : 'MQ_PROTOCOL';
}
